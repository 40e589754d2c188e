// What a network reports that never looks at its inputs, and by how much any network may stray.
#pragma once

#include <cmath>
#include <vector>

#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// What a metric says of guesses. A cell learned something when its metric is above threshold().
struct Chance {
  double level = 0;   // of always answering the one class that pays best
  double margin = 0;  // four standard deviations of the metric's noise at that level
  double spread = 0;  // variance of the metric of a network that is right with probability p, in
                      // units of p (1 - p): 1 / n for a mean of n samples

  double threshold() const { return level + margin; }

  /// Half of the 95 % interval of the difference of two networks that are both right with such a
  /// probability, each judged by its own samples: a smaller difference is none.
  ///
  /// One right and one wrong sample are added to each, so that it is not 0 where all samples are
  /// right (Agresti and Caffo 2000).
  double noise(double share) const {
    const double right = share < 0 ? 0 : share > 1 ? 1 : share;  // smoothing can leave [0, 1]
    const double p = (right + spread) / (1.0 + 2.0 * spread);
    return 1.96 * std::sqrt(2.0 * p * (1.0 - p) * spread / (1.0 + 2.0 * spread));
  }
};

/// The levels of a network's metrics, each measured as the metric is, over the labels that it is
/// judged by.
struct ChanceLevels {
  double accuracy = 0;         // smoothed at the last step
  double recent_accuracy = 0;  // of the last steps
  double test_accuracy = 0;    // of the samples held out; NaN: none are
};

/// `smoothing` is the filter of accuracy, of as many weights as there are last steps.
ChanceLevels chance_levels(const StagedSweep& staged, const std::vector<double>& smoothing);

/// Spread of the value at the last step of what a filter smooths.
double smoothing_spread(const std::vector<double>& smoothing);

/// The chance of a level.
Chance chance_at(double level, double spread);

}  // namespace gridrun
