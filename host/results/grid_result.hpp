// What a run says: one real for each figure and network.
#pragma once

#include <cstddef>
#include <vector>

#include "gridrun/sweep.hpp"

namespace gridrun {

struct CellResult {
  double accuracy = 0;       // smoothed at the last step; can leave [0, 1] slightly
  double mean_update = 0;    // mean |u|, in units of 2^-fraction of the format `gradient`
  double mean_error = 0;     // mean of what the learning rate dropped of u, times 2^fraction
  double test_accuracy = 0;  // share of the held-out samples that the final weights get right
};

struct GridResult {
  std::vector<Axis> axes;         // from the slowest to the fastest
  std::vector<CellResult> cells;  // the product of the axes
  bool holds_out = false;         // whether samples were held out, and test_accuracy says something

  /// The values of the axes at a cell.
  std::vector<int> values_at(std::size_t cell) const;
};

/// A member of CellResult, and its name in files.
struct Figure {
  const char* name;
  double CellResult::*value;
};

/// The figures that the cells of a grid have, in the order of files.
std::vector<Figure> figures_of(const GridResult& grid);

}  // namespace gridrun
