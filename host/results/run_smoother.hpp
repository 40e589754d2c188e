// Savitzky-Golay smoothing of a whole run of right and wrong steps.
#pragma once

#include <cstdint>
#include <vector>

#include "gridrun/bits.hpp"

namespace gridrun {

/// Smooths runs with one filter. Its weights are a polynomial in the distance from the centre, so
/// that a smoothed value is a sum of few moments of the bits in the window; these are integers, and
/// move from step to step in time that does not depend on the window. Where that would not give the
/// same values to 1e-13 (high orders), each value is the sum over its window.
class RunSmoother {
 public:
  /// Weights from savitzky_golay_weights with that order.
  RunSmoother(std::vector<double> weights, std::uint32_t polyorder);

  /// The smoothed values at `steps`, rising, of a run of `length` steps, at least the window.
  std::vector<double> smoothed(const Bits& right, std::uint32_t length,
                               const std::vector<std::uint32_t>& steps) const;

  /// Whether it takes time linear in the run's length, whatever the window.
  bool is_linear() const { return !polynomial_.empty(); }

 private:
  std::vector<double> weights_;
  std::vector<double> polynomial_;  // weight at distance k: sum of polynomial_[m] k^m; empty: none
};

}  // namespace gridrun
