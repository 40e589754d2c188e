// How the networks learned: their smoothed accuracy over the steps.
#pragma once

#include <cstdint>
#include <vector>

#include "gridrun/bits.hpp"
#include "gridrun/sweep.hpp"
#include "results/run_smoother.hpp"

namespace gridrun {

inline constexpr std::uint64_t most_points_of_a_curve = 1000;

struct LearningCurves {
  std::vector<std::uint32_t> steps;  // rising, from 0 to the last step; at most 1,000
  std::vector<double> accuracy;      // [network][point], smoothed as in a GridResult; not a number
                                     // where a network is not trained
};

/// Makes the curves of a sweep, network by network.
class CurvesMaker {
 public:
  /// All steps of networks of at most 1,000 steps, else 1,000 that lie evenly between the ends.
  CurvesMaker(const Sweep& sweep, std::size_t networks);

  /// `right` has all steps of a network.
  void add(std::size_t network, const Bits& right);

  const LearningCurves& curves() const { return curves_; }

 private:
  RunSmoother smoother_;
  std::uint32_t iterations_;
  LearningCurves curves_;
};

}  // namespace gridrun
