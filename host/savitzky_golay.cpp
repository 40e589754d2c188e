#include "savitzky_golay.hpp"

namespace gridrun {

// The fit's value at the centre is a projection on the polynomials p_0 ... p_order that are
// orthogonal over the window: c[k] = sum_m p_m(0) p_m(k) / |p_m|^2. They obey
// p_{m+1}(k) = k p_m(k) - |p_m|^2 / |p_{m-1}|^2 p_{m-1}(k); odd ones vanish at the centre.
std::vector<double> savitzky_golay_weights(std::uint32_t window, std::uint32_t polyorder) {
  const auto half = static_cast<std::int64_t>(window / 2);
  const double unit = half > 0 ? static_cast<double>(half) : 1.0;  // keeps the powers near 1
  std::vector<double> weights(window, 0.0), before(window, 0.0), current(window, 1.0);
  double norm_before = 0.0;
  for (std::uint32_t order = 0; order <= polyorder; ++order) {
    double norm = 0.0;
    for (const double value : current) norm += value * value;
    const double at_centre = current[window / 2];
    for (std::size_t i = 0; i < window; ++i) weights[i] += at_centre * current[i] / norm;

    const double carry = order > 0 ? norm / norm_before : 0.0;
    for (std::size_t i = 0; i < window; ++i) {
      const double k = static_cast<double>(static_cast<std::int64_t>(i) - half) / unit;
      const double following = k * current[i] - carry * before[i];
      before[i] = current[i];
      current[i] = following;
    }
    norm_before = norm;
  }
  return weights;
}

}  // namespace gridrun
