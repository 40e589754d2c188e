#include "results/run_smoother.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "results/savitzky_golay.hpp"

namespace gridrun {
namespace {

/// Packed bytes in hexadecimal, bit 0 of a byte first.
Bits run_of(const std::string& hex, std::uint32_t length) {
  Bits run(length);
  for (std::uint32_t i = 0; i < length; ++i)
    if ((std::stoi(hex.substr(i / 8 * 2, 2), nullptr, 16) >> (i % 8)) & 1) run.set(i);
  return run;
}

Bits every_third_step(std::uint32_t length) {
  Bits run(length);
  for (std::uint32_t i = 0; i < length; i += 3) run.set(i);
  return run;
}

std::vector<std::uint32_t> all_steps(std::uint32_t length) {
  std::vector<std::uint32_t> steps(length);
  std::iota(steps.begin(), steps.end(), 0U);
  return steps;
}

TEST(RunSmoother, IsSciPys) {
  std::ifstream file(GRIDRUN_TESTS "/oracle/curves.json");
  const nlohmann::json runs = nlohmann::json::parse(file).at("runs");
  EXPECT_GE(runs.size(), 19U);
  for (const auto& run : runs) {
    const std::uint32_t window = run["window"], polyorder = run["polyorder"],
                        length = run["length"];
    const auto weights = scipy_weights(window, polyorder);
    const Bits outcome = run_of(run["bits_hex"], length);
    const std::vector<std::uint32_t> steps = run["steps"];
    const std::vector<double> expected = run["smoothed"];
    const auto got = RunSmoother(weights, polyorder).smoothed(outcome, length, steps);
    ASSERT_FALSE(expected.empty());
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], expected[i], 1e-12)
          << "window " << window << ", order " << polyorder << ", step " << steps[i];
    const double end = smoothed_at_end(
        weights, length, [&](std::uint32_t step) { return outcome[step] ? 1.0 : 0.0; });
    EXPECT_NEAR(got.back(), end, 1e-12) << "window " << window << ", order " << polyorder;
  }
}

TEST(RunSmoother, IsLinearForTheStudysFilterAndEqualsTheSumOverTheWindow) {
  for (const auto& [window, polyorder] :
       {std::pair{1001U, 2U}, {1001U, 3U}, {101U, 4U}, {1U, 0U}}) {
    const auto weights = savitzky_golay_weights(window, polyorder);
    const RunSmoother smoother(weights, polyorder);
    EXPECT_TRUE(smoother.is_linear());
    const std::uint32_t length = 3000, half = window / 2;
    const Bits run = every_third_step(length);
    const auto smoothed = smoother.smoothed(run, length, all_steps(length));
    for (std::uint32_t step = half; step + half < length; step += 97) {
      double sum = 0.0;
      for (std::uint32_t k = 0; k < window; ++k)
        if (run[step + k - half]) sum += weights[k];
      EXPECT_NEAR(smoothed[step], sum, 1e-13);
    }
  }
}

TEST(RunSmoother, SumsOverTheWindowWhereMomentsWouldLoseDigits) {
  const auto weights = savitzky_golay_weights(21, 10);
  const RunSmoother smoother(weights, 10);
  EXPECT_FALSE(smoother.is_linear());
  const Bits run = every_third_step(200);
  double sum = 0.0;
  for (std::uint32_t k = 0; k < 21; ++k)
    if (run[90 + k]) sum += weights[k];
  EXPECT_EQ(smoother.smoothed(run, 200, {100}), std::vector<double>{sum});
}

TEST(RunSmoother, KeepsItsDigitsForEveryOrder) {
  for (const std::uint32_t window : {23U, 101U, 1001U, 9999U})
    for (std::uint32_t polyorder = 4; polyorder <= 20; polyorder += 4) {
      const auto weights = savitzky_golay_weights(window, polyorder);
      const std::uint32_t length = window + 200, half = window / 2;
      const Bits run = every_third_step(length);
      const std::vector<std::uint32_t> steps{half, half + 101, half + 200};
      const auto smoothed = RunSmoother(weights, polyorder).smoothed(run, length, steps);
      for (std::size_t i = 0; i < steps.size(); ++i) {
        long double sum = 0.0;
        for (std::uint32_t k = 0; k < window; ++k)
          if (run[steps[i] + k - half]) sum += weights[k];
        EXPECT_NEAR(smoothed[i], static_cast<double>(sum), 1e-12)
            << "window " << window << ", order " << polyorder;
      }
    }
}

TEST(RunSmoother, StaysExactOverMillionsOfSteps) {
  const std::uint32_t length = 2'000'000;
  const auto weights = savitzky_golay_weights(100'001, 2);
  const RunSmoother smoother(weights, 2);
  ASSERT_TRUE(smoother.is_linear());
  const Bits run = every_third_step(length);
  const double end =
      smoothed_at_end(weights, length, [&](std::uint32_t step) { return run[step] ? 1.0 : 0.0; });
  EXPECT_NEAR(smoother.smoothed(run, length, {length - 1})[0], end, 1e-12);
}

}  // namespace
}  // namespace gridrun
