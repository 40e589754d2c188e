#include "results/run_smoother.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "gridrun/arithmetic.hpp"

namespace gridrun {
namespace {

/// The distance k of weight i from the centre, in units of the window's half: -1 ... 1.
double distance(std::size_t i, std::size_t half) {
  if (half == 0) return 0.0;
  return (static_cast<double>(i) - static_cast<double>(half)) / static_cast<double>(half);
}

/// Sum of a[i] b[i]; wide, because rounding errors of a long sum of like terms add up.
double product(const std::vector<double>& a, const std::vector<double>& b) {
  return static_cast<double>(std::inner_product(a.begin(), a.end(), b.begin(), 0.0L));
}

/// Coefficients of the polynomial of that order in k / half that fits weights[half + k] best, for
/// k = -half ... half: the projection on polynomials that are orthogonal there.
std::vector<double> fitted_polynomial(const std::vector<double>& weights, std::uint32_t order) {
  const std::size_t window = weights.size(), half = window / 2;
  // p_{m+1} = t p_m - |p_m|^2 / |p_{m-1}|^2 p_{m-1}, by values and by coefficients
  std::vector<double> values(window, 1.0), values_before(window, 0.0);
  std::vector<double> p(order + 2, 0.0), p_before(order + 2, 0.0), fit(order + 1, 0.0);
  p[0] = 1.0;
  double norm_before = 1.0;
  for (std::uint32_t m = 0; m <= order; ++m) {
    const double norm = product(values, values);
    const double along = product(values, weights) / norm;
    for (std::uint32_t n = 0; n <= m; ++n) fit[n] += along * p[n];

    const double carry = m > 0 ? norm / norm_before : 0.0;
    for (std::size_t i = 0; i < window; ++i)
      values_before[i] =
          std::exchange(values[i], distance(i, half) * values[i] - carry * values_before[i]);
    std::vector<double> p_next(order + 2, 0.0);
    for (std::uint32_t n = 0; n <= m + 1; ++n)
      p_next[n] = (n > 0 ? p[n - 1] : 0.0) - carry * p_before[n];
    p_before = std::exchange(p, p_next);
    norm_before = norm;
  }
  return fit;
}

/// The fit in powers of k itself, or nothing where it would not do: its moments overflow 128 bits,
/// its terms cancel too much, or the weights are too far from a polynomial.
std::vector<double> usable_polynomial(const std::vector<double>& weights, std::uint32_t order) {
  constexpr double allowed = 1e-13;  // error of a smoothed value
  const std::size_t half = weights.size() / 2;
  const auto window = static_cast<double>(weights.size());
  const double unit = half > 0 ? static_cast<double>(half) : 1.0;
  if (std::log2(window) + order * std::log2(unit) > 126) return {};

  std::vector<double> fit = fitted_polynomial(weights, order);
  double terms = 0.0, missed = 0.0;
  for (const double coefficient : fit) terms += std::abs(coefficient) * window;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double t = distance(i, half);
    double value = 0.0;
    for (std::size_t m = fit.size(); m-- > 0;) value = value * t + fit[m];
    missed += std::abs(value - weights[i]);
  }
  if (terms * std::numeric_limits<double>::epsilon() > allowed || missed > allowed) return {};
  for (std::size_t m = 0; m < fit.size(); ++m) fit[m] /= std::pow(unit, m);
  return fit;
}

/// A run's bits as numbers, mirrored about its first and its last step.
class MirroredBits {
 public:
  MirroredBits(const Bits& right, std::uint32_t length) : right_(right), last_(length - 1) {}

  bool operator[](std::int64_t step) const {
    if (step < 0) step = -step;
    if (step > last_) step = 2 * last_ - step;
    return right_[step];
  }

 private:
  const Bits& right_;
  std::int64_t last_;
};

/// The sums of k^m over the right steps centre + k, |k| <= half, for m = 0 ... order. They wrap at
/// 128 bits on the way, and are exact because the sums themselves fit.
class MovingMoments {
 public:
  MovingMoments(const MirroredBits& bits, std::int64_t half, std::size_t order)
      : bits_(bits), half_(half), moments_(order + 1, 0) {
    for (std::int64_t k = -half; k <= half; ++k) add(k);
  }

  /// Moves the centre to the next step.
  void advance() {
    if (bits_[centre_ - half_]) add_powers(-half_, -1);
    // (k - 1)^m by k^m, k^(m-1), ...: differences of differences
    for (std::size_t r = 1; r < moments_.size(); ++r)
      for (std::size_t m = moments_.size() - 1; m >= r; --m) moments_[m] -= moments_[m - 1];
    ++centre_;
    add(half_);
  }

  std::int64_t centre() const { return centre_; }

  double weighted(const std::vector<double>& by_power) const {
    double sum = 0.0;
    for (std::size_t m = 0; m < moments_.size(); ++m)
      sum += by_power[m] * static_cast<double>(static_cast<Signed>(moments_[m]));
    return sum;
  }

 private:
  using Wrapping = WideSum;
  __extension__ typedef __int128 Signed;

  void add(std::int64_t k) {
    if (bits_[centre_ + k]) add_powers(k, 1);
  }
  void add_powers(std::int64_t k, int sign) {
    auto power = static_cast<Wrapping>(static_cast<Signed>(sign));
    for (Wrapping& moment : moments_) {
      moment += power;
      power *= static_cast<Wrapping>(static_cast<Signed>(k));
    }
  }

  const MirroredBits& bits_;
  std::int64_t half_;
  std::int64_t centre_ = 0;
  std::vector<Wrapping> moments_;  // [m]
};

}  // namespace

RunSmoother::RunSmoother(std::vector<double> weights, std::uint32_t polyorder)
    : weights_(std::move(weights)), polynomial_(usable_polynomial(weights_, polyorder)) {}

std::vector<double> RunSmoother::smoothed(const Bits& right, std::uint32_t length,
                                          const std::vector<std::uint32_t>& steps) const {
  const MirroredBits bits(right, length);
  const auto half = static_cast<std::int64_t>(weights_.size() / 2);
  std::vector<double> values;
  values.reserve(steps.size());
  if (is_linear()) {
    MovingMoments moments(bits, half, polynomial_.size() - 1);
    for (const std::uint32_t step : steps) {
      while (moments.centre() < step) moments.advance();
      values.push_back(moments.weighted(polynomial_));
    }
    return values;
  }
  for (const std::uint32_t step : steps) {
    double sum = 0.0;
    for (std::int64_t k = -half; k <= half; ++k)
      if (bits[step + k]) sum += weights_[static_cast<std::size_t>(half + k)];
    values.push_back(sum);
  }
  return values;
}

}  // namespace gridrun
