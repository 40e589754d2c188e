#include "gridrun/format.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace gridrun {
namespace {

using Wide = __int128_t;  // holds every exact product and sum below

const std::map<std::string, Round> rounds = {
    {"floor", Round::floor},
    {"toward_zero", Round::toward_zero},
    {"nearest_up", Round::nearest_up},
    {"nearest_down", Round::nearest_down},
    {"nearest_even", Round::nearest_even},
    {"nearest_away", Round::nearest_away},
    {"stochastic", Round::stochastic},
};
const std::map<std::string, Overflow> overflows = {
    {"wrap", Overflow::wrap},
    {"saturate", Overflow::saturate},
    {"saturate_symmetric", Overflow::saturate_symmetric},
};

/// value / 2^n rounded, by comparing the distances to the two integers beside it.
Wide exactly_rounded(Wide value, int n, Round round, Wide random) {
  const Wide unit = Wide{1} << n;
  Wide below = value / unit;  // toward zero
  if (below * unit > value) --below;
  const Wide to_below = value - below * unit, to_above = unit - to_below;
  if (to_below == 0) return below;
  switch (round) {
    case Round::floor:
      return below;
    case Round::toward_zero:
      return value < 0 ? below + 1 : below;
    case Round::stochastic:
      return to_above <= random ? below + 1 : below;
    default:
      break;
  }
  if (to_below != to_above) return to_below < to_above ? below : below + 1;
  switch (round) {
    case Round::nearest_up:
      return below + 1;
    case Round::nearest_down:
      return below;
    case Round::nearest_even:
      return below % 2 == 0 ? below : below + 1;
    default:  // away from zero
      return value < 0 ? below : below + 1;
  }
}

/// What a word of `bits` bits makes of an exact value, by counting around the circle of words.
Wide exactly_overflowed(Wide value, int bits, Overflow overflow) {
  const Wide words = Wide{1} << bits, largest = words / 2 - 1;
  const Wide smallest = overflow == Overflow::saturate_symmetric ? -largest : -largest - 1;
  if (overflow != Overflow::wrap) return value > largest ? largest : std::max(value, smallest);
  const Wide around = (value % words + words) % words;
  return around > largest ? around - words : around;
}

Wide exact_fit(Wide value, int scale, const Format& format, Wide random) {
  const int n = scale - format.fraction;
  const Wide rounded = n <= 0 ? value * (Wide{1} << -n)  //
                              : exactly_rounded(value, n, format.round, random);
  return exactly_overflowed(rounded, format.bits, format.overflow);
}

TEST(Format, SmallWordsFitAsExactArithmeticHasThem) {
  constexpr int scale = 6;
  for (const auto& [round_name, round] : rounds)
    for (const auto& [overflow_name, overflow] : overflows)
      for (const int bits : {2, 3, 5, 8})
        for (int fraction = 0; fraction <= scale + 4; ++fraction) {
          const Format format{bits, fraction, round, overflow};
          const int n = std::max(0, scale - fraction);
          for (std::int64_t value = -700; value <= 700; ++value)
            for (std::uint64_t random = 0; random < std::uint64_t{1} << n; ++random) {
              ASSERT_EQ(fit(value, scale, format, random),
                        static_cast<std::int64_t>(exact_fit(value, scale, format, random)))
                  << value << " with " << bits << " bits, " << fraction << " of fraction, "
                  << round_name << ", " << overflow_name << ", R = " << random;
              if (round != Round::stochastic) break;
            }
        }
}

/// Values at and around powers of two, and the ends.
std::vector<std::int64_t> edges() {
  std::vector<std::int64_t> values = {0, INT64_MAX, INT64_MIN};
  for (int bit = 0; bit < 63; ++bit)
    for (const std::int64_t beside : {-1, 0, 1}) {
      values.push_back((std::int64_t{1} << bit) + beside);
      values.push_back(-(std::int64_t{1} << bit) + beside);
    }
  return values;
}

TEST(Format, WideWordsFitAsExactArithmeticHasThem) {
  for (const auto& [round_name, round] : rounds)
    for (const auto& [overflow_name, overflow] : overflows)
      for (const int bits : {2, 31, 32, 33, 63, 64})
        for (const int n : {-62, -40, -1, 0, 1, 31, 32, 62, 63})
          for (const std::int64_t value : edges())
            for (const std::uint64_t random :
                 {std::uint64_t{0}, std::uint64_t{1}, n > 0 ? (std::uint64_t{1} << n) - 1 : 0}) {
              const Format format{bits, 0, round, overflow};
              ASSERT_EQ(fit(value, n, format, random),
                        static_cast<std::int64_t>(exact_fit(value, n, format, random)))
                  << value << " / 2^" << n << " in " << bits << " bits, " << round_name << ", "
                  << overflow_name << ", R = " << random;
            }
}

TEST(Format, LeftShiftsBeyond63BitsLeaveNothingOrSaturate) {
  for (const int bits : {2, 32, 64}) {
    EXPECT_EQ(fit(5, -64, {bits, 0}), 0);
    EXPECT_EQ(fit(5, -200, {bits, 0, Round::floor, Overflow::saturate}), largest_word(bits));
    EXPECT_EQ(fit(-5, -200, {bits, 0, Round::floor, Overflow::saturate}), -largest_word(bits) - 1);
    EXPECT_EQ(fit(-1, -64, {bits, 0, Round::floor, Overflow::saturate_symmetric}),
              -largest_word(bits));
    EXPECT_EQ(fit(0, -200, {bits, 0, Round::floor, Overflow::saturate}), 0);
  }
}

TEST(Format, RandomBitsAreTheHighest) {
  EXPECT_EQ(random_rest(0xabcd1234, 32, 32), 0xabcd1234U);
  EXPECT_EQ(random_rest(0xabcd1234, 8, 32), 0xabU);
  EXPECT_EQ(random_rest(0xabcd1234, 40, 32), 0xabcd123400U);
  EXPECT_EQ(random_rest(0xabcd1234, 8, 4), 0xa0U);
  EXPECT_EQ(random_rest(0xabcd1234, 3, 4), 0x5U);
  EXPECT_EQ(random_rest(0xabcd1234, 63, 1), std::uint64_t{1} << 62);
  EXPECT_EQ(random_rest(0x7fffffff, 1, 1), 0U);
}

// The published vectors, made by exact fractions in Python: tests/oracle/fit_vectors.py.
TEST(Format, HasThePublishedVectors) {
  std::ifstream file(GRIDRUN_TESTS "/golden/fit.csv");
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "value,scale,bits,fraction,round,overflow,R,word");
  std::size_t vectors = 0;
  for (; std::getline(file, line); ++vectors) {
    std::istringstream row(line);
    std::vector<std::string> fields;
    for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 8U) << line;
    const Format format{std::stoi(fields[2]), std::stoi(fields[3]), rounds.at(fields[4]),
                        overflows.at(fields[5])};
    EXPECT_EQ(fit(std::stoll(fields[0]), std::stoi(fields[1]), format, std::stoull(fields[6])),
              std::stoll(fields[7]))
        << line;
  }
  EXPECT_GE(vectors, 300U);
}

}  // namespace
}  // namespace gridrun
