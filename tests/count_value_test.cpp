#include "gridrun/count_value.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gridrun {
namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

Format words_of(int bits, Overflow overflow) { return {bits, 0, Round::floor, overflow}; }

TEST(CountValue, WidthsAreThoseOfTheShortestWord) {
  for (const Overflow overflow : {Overflow::wrap, Overflow::saturate}) {
    EXPECT_EQ(word_width(0, overflow), 1);
    EXPECT_EQ(word_width(-1, overflow), 1);
    EXPECT_EQ(word_width(1, overflow), 2);
    EXPECT_EQ(word_width(-2, overflow), 2);
    EXPECT_EQ(word_width(127, overflow), 8);
    EXPECT_EQ(word_width(-128, overflow), 8);
    EXPECT_EQ(word_width(-129, overflow), 9);
    EXPECT_EQ(word_width(most, overflow), 64);
    EXPECT_EQ(word_width(least, overflow), 64);
  }
}

TEST(CountValue, SymmetricWordsLeaveOutTheMostNegative) {
  constexpr Overflow symmetric = Overflow::saturate_symmetric;
  EXPECT_EQ(word_width(0, symmetric), 1);
  EXPECT_EQ(word_width(-1, symmetric), 2);
  EXPECT_EQ(word_width(-127, symmetric), 8);
  EXPECT_EQ(word_width(-128, symmetric), 9);
  EXPECT_EQ(word_width(-129, symmetric), 9);
  EXPECT_EQ(word_width(128, symmetric), 9);
  EXPECT_EQ(word_width(least, symmetric), 65);
}

TEST(CountValue, LeftShiftsCountByTheirExactProducts) {
  EXPECT_EQ(word_width(0, Overflow::wrap, 100), 1);
  EXPECT_EQ(word_width(-1, Overflow::wrap, 100), 101);
  EXPECT_EQ(word_width(1, Overflow::saturate, 63), 65);
  EXPECT_EQ(word_width(3, Overflow::saturate, 62), 65);
  EXPECT_EQ(word_width(-1, Overflow::saturate_symmetric, 3), 5);  // -8, in words of -7 ... 7
}

TEST(CountValue, OverflowsAreTheValuesThatOverflowingChanges) {
  for (const Overflow overflow : {Overflow::wrap, Overflow::saturate, Overflow::saturate_symmetric})
    for (int bits = 2; bits <= 9; ++bits) {
      TensorDiagnostics counts;
      std::uint64_t changed = 0;
      for (std::int64_t value = -300; value <= 300; ++value) {
        count_value(counts, value, words_of(bits, overflow));
        changed += overflowed(value, bits, overflow) != value;
      }
      EXPECT_EQ(counts.overflowed, changed);
      EXPECT_EQ(counts.bits, 10);
    }
}

TEST(CountValue, ALeftShiftThatWrapsToZeroOverflows) {
  TensorDiagnostics counts;
  count_value(counts, 1, words_of(64, Overflow::wrap), 64);
  count_value(counts, 0, words_of(64, Overflow::wrap), 64);
  EXPECT_EQ(counts.overflowed, 1U);
  EXPECT_EQ(counts.bits, 66);
}

}  // namespace
}  // namespace gridrun
