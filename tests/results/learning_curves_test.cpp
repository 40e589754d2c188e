#include "results/learning_curves.hpp"

#include <gtest/gtest.h>

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
  return learning_curves(sweep, {Outcome(iterations)});
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
  const GridResult result = summarise(sweep, test.staged(), outcomes);
  const LearningCurves curves = learning_curves(sweep, outcomes);
  ASSERT_EQ(curves.accuracy.size(), 6000U);
  for (std::size_t n = 0; n < 6; ++n)
    EXPECT_NEAR(curves.accuracy[n * 1000 + 999], result.cells[n].accuracy, 1e-12);
}

}  // namespace
}  // namespace gridrun
