// Savitzky-Golay smoothing: at each point the value there of the polynomial that fits the window
// around it best (least squares). Source: Savitzky & Golay 1964; edges mirrored about the end
// sample, which is not repeated, as scipy.signal.savgol_filter(..., mode="mirror").
#pragma once

#include <cstdint>
#include <vector>

namespace gridrun {

/// The filter's weights c[-h] ... c[h] for an odd window 2h + 1 and a polynomial order below it.
/// Throws RequestError when the fit is so ill-conditioned that a constant would not stay itself to
/// 1e-6 (high orders over wide windows).
std::vector<double> savitzky_golay_weights(std::uint32_t window, std::uint32_t polyorder);

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
