#include "results/learning_curves.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "configuration/configuration.hpp"
#include "results/summarise.hpp"
#include "test_sweep.hpp"

namespace gridrun {
namespace {

LearningCurves curves_of_nothing(std::uint32_t iterations) {
  Sweep sweep;
  sweep.train.iterations = iterations;
  sweep.report.smooth_window = 1;
  sweep.report.polyorder = 0;
  return CurvesMaker(sweep, 1).curves();
}

TEST(LearningCurves, HaveAllStepsOrAThousandFromTheFirstToTheLast) {
  EXPECT_EQ(curves_of_nothing(1).steps, std::vector<std::uint32_t>{0});
  EXPECT_EQ(curves_of_nothing(3).steps, (std::vector<std::uint32_t>{0, 1, 2}));
  for (const std::uint32_t iterations : {1000U, 1001U, 12'345U, 3'000'000U}) {
    const auto steps = curves_of_nothing(iterations).steps;
    ASSERT_EQ(steps.size(), 1000U);
    EXPECT_EQ(steps.front(), 0U);
    EXPECT_EQ(steps.back(), iterations - 1);
    for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_LT(steps[i - 1], steps[i]);
  }
}

TEST(LearningCurves, EndAtTheAccuracyOfTheirCell) {
  const std::vector<std::string> overrides = {"grid.lr=[7, 9, 12]", "grid.fraction=[9, 16]",
                                              "train.iterations=3000"};
  const TestSweep test = shipped_sweep("digits.toml", overrides);
  const Sweep sweep = read_configuration(find_configuration("digits.toml"), overrides);
  const Outcomes outcomes = reference_outcomes(test.staged());
  CurvesMaker maker(sweep, 7);
  for (std::size_t n = 0; n < 6; ++n) maker.add(n, outcomes[n].right);
  const LearningCurves& curves = maker.curves();
  ASSERT_EQ(curves.accuracy.size(), 7000U);
  const StagedSweep staged = test.staged();
  for (std::size_t n = 0; n < 6; ++n)
    EXPECT_NEAR(curves.accuracy[n * 1000 + 999],
                Summariser(sweep).figures(staged.networks[n], outcomes[n], 0).accuracy, 1e-12);
  EXPECT_TRUE(std::isnan(curves.accuracy[6500])) << "not trained";
}

}  // namespace
}  // namespace gridrun
