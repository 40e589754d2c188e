// What a network reports that never looks at its inputs.
#pragma once

#include "gridrun/staged_sweep.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// A cell learned something when its accuracy is above threshold().
struct Chance {
  double level = 0;   // accuracy of always answering the one class that pays best
  double margin = 0;  // four standard deviations of the smoothing's noise at that level

  double threshold() const { return level + margin; }
};

/// Measured as a cell is: over the labels that the run itself sees, smoothed at its last step. The
/// noise is that of guesses that are right with probability `level`, independently of each other:
/// its variance is level (1 - level) times the sum of the squared weights at the end.
Chance chance(const Sweep& sweep, const StagedSweep& staged);

}  // namespace gridrun
