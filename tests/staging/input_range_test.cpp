#include "staging/input_range.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "draws.hpp"

namespace gridrun {
namespace {

Dataset data_of(std::vector<double> values) {
  Dataset dataset;
  dataset.samples = values.size();
  dataset.inputs = 1;
  dataset.values = std::move(values);
  return dataset;
}

Format words(int bits, int fraction, Overflow overflow = Overflow::saturate) {
  return {bits, fraction, Round::nearest_even, overflow, 32};
}

std::optional<std::string> warning_of(const Dataset& dataset, const Format& format) {
  InputRange range;
  range.add(dataset, format);
  return range.warning();
}

TEST(InputRange, SaysNothingWhereAllInputsFit) {
  EXPECT_FALSE(InputRange().warning());
  EXPECT_FALSE(warning_of(data_of({7.9375, -8, 0}), words(8, 4)));
  EXPECT_FALSE(warning_of(data_of({1e18}), words(64, 0))) << "words of 64 bits are another matter";
}

TEST(InputRange, CountsWhatOverflows) {
  EXPECT_EQ(warning_of(data_of({254, 1, 2, -9, 0}), words(8, 4)),
            "inputs reach 254 and words of 8 bits, fraction 4, hold 7.94: 40 % of values overflow; "
            "dataset.scale or dataset.normalise");
  Dataset bytes = data_of({});
  bytes.values = std::vector<std::uint8_t>{255, 128, 127, 0};
  bytes.scale = 16;
  EXPECT_EQ(warning_of(bytes, words(8, 4)),
            "inputs reach 15.9 and words of 8 bits, fraction 4, hold 7.94: 50 % of values "
            "overflow; dataset.scale or dataset.normalise");
  std::vector<double> few(1000);
  few[7] = -100;
  EXPECT_EQ(warning_of(data_of(few), words(4, 0)),
            "inputs reach -100 and words of 4 bits, fraction 0, hold 7: 0.1 % of values overflow; "
            "dataset.scale or dataset.normalise");
}

TEST(InputRange, RoundsAsStagingDoes) {
  EXPECT_FALSE(warning_of(data_of({7.49}), words(4, 0)));
  EXPECT_TRUE(warning_of(data_of({7.5}), words(4, 0))) << "half to even is 8";
  EXPECT_FALSE(warning_of(data_of({-8.5}), words(4, 0))) << "half to even is -8";
  EXPECT_TRUE(warning_of(data_of({-8.51}), words(4, 0)));
  EXPECT_TRUE(warning_of(data_of({-7.5}), words(4, 0, Overflow::saturate_symmetric)));
  EXPECT_FALSE(warning_of(data_of({-7.49}), words(4, 0, Overflow::saturate_symmetric)));
}

TEST(InputRange, TellsOfTheWorst) {
  const Dataset a = data_of({100, 20, 3}), b = data_of({10, 1, 1});
  InputRange range;
  for (const int fraction : {3, 6, 4}) range.add(a, words(8, fraction));
  range.add(b, words(8, 6));
  EXPECT_EQ(range.warning()->find("inputs reach 100 and words of 8 bits, fraction 6, hold 1.98: "
                                  "100 % of values"),
            0U);
}

/// The share that a count of every word gives, of random data and words.
TEST(InputRange, IsExact) {
  RandomDraws draws(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values(100);
    for (double& value : values) value = std::ldexp(draws.number(-4096, 4096), -6);
    const Dataset dataset = data_of(values);
    InputRange range;
    double worst = 0;
    for (int cell = 0; cell < 4; ++cell) {
      const Format format =
          words(draws.number(2, 16), draws.number(0, 12),
                draws.chance(50) ? Overflow::saturate : Overflow::saturate_symmetric);
      range.add(dataset, format);
      int count = 0;
      for (const double value : values) {
        const auto word = static_cast<std::int64_t>(std::rint(std::ldexp(value, format.fraction)));
        count += overflowed(word, format.bits, format.overflow) != word;
      }
      worst = std::max(worst, count / 100.0);
    }
    const auto warning = range.warning();
    ASSERT_EQ(warning.has_value(), worst > 0);
    if (warning) {
      EXPECT_NE(warning->find(": " + std::to_string(std::lround(100 * worst)) + " % of"),
                std::string::npos)
          << *warning << " for " << worst;
    }
  }
}

}  // namespace
}  // namespace gridrun
