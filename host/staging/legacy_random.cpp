#include "staging/legacy_random.hpp"

#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

namespace gridrun {

double LegacyRandom::uniform() {
  const std::uint32_t high = word() >> 5;
  const std::uint32_t low = word() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

double LegacyRandom::normal() {
  if (kept_normal_) return *std::exchange(kept_normal_, std::nullopt);
  double x1, x2, r2;
  do {
    x1 = 2.0 * uniform() - 1.0;
    x2 = 2.0 * uniform() - 1.0;
    r2 = x1 * x1 + x2 * x2;
  } while (r2 >= 1.0 || r2 == 0.0);
  const double f = std::sqrt(-2.0 * std::log(r2) / r2);
  kept_normal_ = f * x1;
  return f * x2;
}

std::uint32_t LegacyRandom::bounded(std::uint32_t max) {
  if (max == 0) return 0;  // draws nothing, as NumPy
  const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(max);
  std::uint32_t value;
  do value = word() & mask;
  while (value > max);
  return value;
}

std::vector<std::uint32_t> LegacyRandom::permutation(std::size_t n) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = n; i-- > 1;)
    std::swap(order[i], order[bounded(static_cast<std::uint32_t>(i))]);
  return order;
}

}  // namespace gridrun
