// Host and device: Philox4x32-10, random words that depend on a counter and a key alone. Source:
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <cstdint>

#include "gridrun/arithmetic.hpp"

namespace gridrun {

/// Tensors that may round at random, as the counter of their words numbers them.
/// docs/arithmetic.md, part 7.
enum class Drawn : std::uint32_t { activation = 1, error = 2, gradient = 3, master = 4 };

/// The second word of the key of all rounding; the first is the seed.
inline constexpr std::uint32_t rounding_key = 0x67726964;

/// Four random words, or the counter that they are drawn at.
struct PhiloxBlock {
  std::uint32_t word[4];
};

/// The upper word of a product. nvcc makes the two words of one by one instruction where it is told
/// so, and by up to three where it finds them out of a product of 64 bits.
GRIDRUN_HOST_DEVICE constexpr std::uint32_t upper_product(std::uint32_t a, std::uint32_t b) {
#ifdef __CUDA_ARCH__
  return __umulhi(a, b);
#else
  return static_cast<std::uint32_t>((std::uint64_t{a} * b) >> 32);
#endif
}

/// The block at a counter, under a key of two words.
GRIDRUN_HOST_DEVICE constexpr PhiloxBlock philox(PhiloxBlock counter, std::uint32_t key_0,
                                                 std::uint32_t key_1) {
  auto [c0, c1, c2, c3] = counter.word;
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t lower_0 = 0xD2511F53 * c0, upper_0 = upper_product(0xD2511F53, c0);
    const std::uint32_t lower_1 = 0xCD9E8D57 * c2, upper_1 = upper_product(0xCD9E8D57, c2);
    c0 = upper_1 ^ c1 ^ key_0;
    c2 = upper_0 ^ c3 ^ key_1;
    c1 = lower_1;
    c3 = lower_0;
    key_0 += 0x9E3779B9;
    key_1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace gridrun
