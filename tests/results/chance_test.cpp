#include "results/chance.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "results/savitzky_golay.hpp"

namespace gridrun {
namespace {

/// Two steps of three: with a window of 3 and order 0 the last step weighs 1/3, the one before it
/// 2/3 (once itself, once mirrored), and all others nothing.
Chance chance_of(std::vector<std::uint32_t> labels, std::uint32_t iterations) {
  Dataset dataset;
  dataset.labels = labels;
  StagedSweep staged;
  staged.dataset = &dataset;
  for (std::uint32_t i = 0; i < labels.size(); ++i) staged.order.push_back(i);
  staged.networks.resize(1);
  staged.networks[0].units = {1, 3};
  staged.iterations = iterations;
  const auto weights = savitzky_golay_weights(3, 0);
  return chance_at(chance_levels(staged, weights).accuracy, smoothing_spread(weights));
}

TEST(Chance, IsTheBestConstantAnswerOverTheStepsThatCount) {
  const Chance mixed = chance_of({2, 2, 2, 1, 0}, 5);
  EXPECT_NEAR(mixed.level, 2.0 / 3, 1e-15) << "class 1; class 2 was earlier";
  EXPECT_NEAR(mixed.margin, 4 * std::sqrt(2.0 / 3 * 1.0 / 3 * (1.0 / 9 + 4.0 / 9)), 1e-14);
  EXPECT_NEAR(mixed.threshold(), mixed.level + mixed.margin, 0.0);
}

TEST(Chance, FollowsTheSamplesRoundAgain) {
  EXPECT_NEAR(chance_of({1, 2, 0}, 5).level, 2.0 / 3, 1e-15) << "ends 1, 2: class 1 weighs 2/3";
}

TEST(Chance, LeavesNothingToLearnWhereAllLabelsAreOne) {
  const Chance only = chance_of({1, 1, 1}, 3);
  EXPECT_NEAR(only.level, 1.0, 1e-15);
  EXPECT_LT(only.margin, 1e-6);
}

}  // namespace
}  // namespace gridrun
