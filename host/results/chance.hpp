// What a network reports that never looks at its inputs.
#pragma once

#include <vector>

#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// A cell learned something when its accuracy is above threshold().
struct Chance {
  double level = 0;   // accuracy of always answering the one class that pays best
  double margin = 0;  // four standard deviations of the smoothing's noise at that level

  double threshold() const { return level + margin; }
};

/// The level, measured as a cell is: over the labels that the networks themselves see, smoothed at
/// their last step by a filter of these weights.
double chance_level(const StagedSweep& staged, const std::vector<double>& weights);

/// The chance of a level. The noise is that of guesses that are right with that probability,
/// independently of each other: its variance is level (1 - level) times the sum of the squared
/// weights at the end.
Chance chance_at(double level, const std::vector<double>& weights);

}  // namespace gridrun
