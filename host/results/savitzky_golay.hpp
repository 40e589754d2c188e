// Savitzky-Golay smoothing: at each point the value there of the polynomial that fits the window
// around it best (least squares). Source: Savitzky & Golay 1964; edges mirrored about the end
// sample, which is not repeated, as scipy.signal.savgol_filter(..., mode="mirror").
#pragma once

#include <cstdint>
#include <vector>

namespace gridrun {

/// The filter's weights c[-h] ... c[h] for an odd window 2h + 1 and a polynomial order below it.
///
/// Up to order 3 over windows up to 9,999 they are SciPy's, rounding included: the study had them
/// from there, and its published accuracies carry that rounding (a smoothed value is within 2e-11
/// of the exact one at the study's window of 1001 and order 2, within 1e-8 throughout). Beyond,
/// where SciPy's solver loses its digits, they are exact to 1e-14 in a smoothed value.
std::vector<double> savitzky_golay_weights(std::uint32_t window, std::uint32_t polyorder);

/// The same from SciPy's own solver, to its rounding. Throws RunError where that fails.
std::vector<double> scipy_weights(std::uint32_t window, std::uint32_t polyorder);

/// The same from orthogonal polynomials, exact to 1e-14 in a smoothed value for orders up to 20.
std::vector<double> gram_weights(std::uint32_t window, std::uint32_t polyorder);

/// The smoothed value at the last of `length` samples, where `sample(i)` is sample i; `weights`
/// from savitzky_golay_weights with a window of at most `length`.
template <typename Sample>
double smoothed_at_end(const std::vector<double>& weights, std::uint32_t length, Sample&& sample) {
  const auto half = static_cast<std::uint32_t>(weights.size() / 2);
  const std::uint32_t last = length - 1;
  double sum = weights[half] * sample(last);
  for (std::uint32_t k = 1; k <= half; ++k)  // sample last + k mirrors last - k
    sum += (weights[half - k] + weights[half + k]) * sample(last - k);
  return sum;
}

}  // namespace gridrun
