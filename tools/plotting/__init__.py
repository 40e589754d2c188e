"""The pictures of gridrun's results: tools/plot and the notebook draw with these modules."""
