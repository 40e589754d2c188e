#include "gridrun/philox.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gridrun {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words block(const Words& counter, std::uint32_t key_0, std::uint32_t key_1) {
  const auto [c0, c1, c2, c3] = counter;
  const PhiloxBlock drawn = philox({{c0, c1, c2, c3}}, key_0, key_1);
  return {drawn.word[0], drawn.word[1], drawn.word[2], drawn.word[3]};
}

// The known answers that the authors publish with Random123 (kat_vectors, philox 4x32 10).
TEST(Philox, HasItsKnownAnswers) {
  EXPECT_EQ(block({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(block({ones, ones, ones, ones}, ones, ones),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

}  // namespace
}  // namespace gridrun
