// NumPy's legacy generator, `numpy.random.RandomState(seed)`, draw for draw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace gridrun {

class LegacyRandom {
 public:
  explicit LegacyRandom(std::uint32_t seed) : words_(seed) {}

  /// The next 32-bit output of MT19937.
  std::uint32_t word() { return static_cast<std::uint32_t>(words_()); }

  /// Uniform in [0, 1) on a grid of 2^-53, from two words.
  double uniform();

  /// Standard normal by the polar method; the second of each pair is kept for the next call.
  double normal();

  /// Uniform in [0, max], by masking words and rejecting those above max.
  std::uint32_t bounded(std::uint32_t max);

  /// A permutation of 0 ... n - 1, n at most 2^32.
  std::vector<std::uint32_t> permutation(std::size_t n);

 private:
  std::mt19937 words_;  // its seeding is init_genrand, as NumPy's for an integer seed
  std::optional<double> kept_normal_;
};

}  // namespace gridrun
