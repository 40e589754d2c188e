#include "results/bootstrap.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace gridrun {
namespace {

TEST(Bootstrap, OfOneSeedIsThatSeed) {
  Bootstrap bootstrap;
  EXPECT_EQ(bootstrap.mean({0.25}), (Estimate{0.25, 0.25, 0.25, 1}));
  EXPECT_EQ(bootstrap.median({7}), (Estimate{7, 7, 7, 1}));
}

TEST(Bootstrap, OfEqualSeedsHasNoWidth) {
  Bootstrap bootstrap;
  EXPECT_EQ(bootstrap.mean({0.5, 0.5, 0.5}), (Estimate{0.5, 0.5, 0.5, 3}));
  EXPECT_EQ(bootstrap.median({3, 3, 3, 3}), (Estimate{3, 3, 3, 4}));
}

TEST(Bootstrap, MeansAndMediansAreTheirOwn) {
  Bootstrap bootstrap;
  EXPECT_EQ(bootstrap.mean({1, 2, 9}).middle, 4);
  EXPECT_EQ(bootstrap.median({9, 1, 2}).middle, 2);
  EXPECT_EQ(bootstrap.median({9, 1, 2, 4}).middle, 3) << "between the two in the middle";
}

// By tests/oracle/bootstrap.py, which draws its words itself.
TEST(Bootstrap, IntervalsAreThoseOfTheOracle) {
  Bootstrap bootstrap;
  const std::vector<double> values = {0.84, 0.91, 0.79, 0.88, 0.86, 0.9, 0.87};
  const Estimate mean = bootstrap.mean(values), median = bootstrap.median(values);
  EXPECT_DOUBLE_EQ(mean.low, 0.8357142857142856);
  EXPECT_DOUBLE_EQ(mean.high, 0.8885714285714287);
  EXPECT_DOUBLE_EQ(median.low, 0.84);
  EXPECT_DOUBLE_EQ(median.high, 0.9);
}

/// Of normal samples a mean's interval is about as wide as the theory's.
TEST(Bootstrap, IntervalsAreAsWideAsTheNormalOnes) {
  Bootstrap bootstrap;
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(std::sin(i * 12.9898) * std::sqrt(2.0));
  const Estimate mean = bootstrap.mean(values);
  const double expected = 2 * 1.96 / std::sqrt(200.0);
  EXPECT_NEAR(mean.high - mean.low, expected, 0.15 * expected);
}

}  // namespace
}  // namespace gridrun
