// How the networks learned: their smoothed accuracy over the steps.
#pragma once

#include <cstdint>
#include <vector>

#include "gridrun/outcomes.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

struct LearningCurves {
  std::vector<std::uint32_t> steps;  // rising, from 0 to the last step; at most 1,000
  std::vector<double> accuracy;      // [network][point], smoothed as in a GridResult
};

/// All steps of a run of at most 1,000 steps, else 1,000 that lie evenly between its ends.
LearningCurves learning_curves(const Sweep& sweep, const Outcomes& outcomes);

}  // namespace gridrun
