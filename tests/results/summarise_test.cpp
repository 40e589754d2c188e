#include "results/summarise.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "configuration/cells.hpp"

namespace gridrun {
namespace {

/// One network of fraction 10, of so many steps, smoothed by a mean over a window.
Sweep sweep_of(std::uint32_t iterations, std::uint32_t window) {
  Sweep sweep;
  sweep.axes = {{"lr", {5}}};
  sweep.precision.all.fraction = 10;
  sweep.report.smooth_window = window;
  sweep.report.polyorder = 0;
  sweep.train.iterations = iterations;
  return sweep;
}

TEST(Summarise, DividesExactSumsOnce) {
  Sweep sweep;
  sweep.axes = {{"lr", {5}}, {"fraction", {8, 10}}};
  sweep.train.iterations = 4;
  sweep.report.smooth_window = 3;
  sweep.report.polyorder = 0;
  const auto networks = networks_of(sweep, {2, 3});

  Outcomes outcomes(2, Outcome(4));
  outcomes[0].right.set(3);
  outcomes[0].layers[0].abs_update = 36;
  outcomes[0].layers[0].dropped = 12;
  outcomes[1].right.set(2);
  outcomes[1].right.set(3);
  outcomes[1].layers[0].abs_update = (WideSum{1} << 100) + 1;  // rounds to 2^100
  outcomes[1].layers[0].dropped = WideSum{3} << 64;

  std::vector<CellResult> cells;
  for (std::size_t n = 0; n < 2; ++n)
    cells.push_back(Summariser(sweep).figures(networks[n], outcomes[n], 0));
  // A window of 3 about the last step sees steps 2, 3 and 2 again.
  EXPECT_DOUBLE_EQ(cells[0].accuracy, 1.0 / 3);
  EXPECT_DOUBLE_EQ(cells[1].accuracy, 1.0);
  EXPECT_EQ(cells[0].mean_update, 36.0 / 24);
  EXPECT_EQ(cells[0].mean_error, 12.0 / 24 * 256);
  EXPECT_EQ(cells[1].mean_update, 0x1p100 / 24);
  EXPECT_EQ(cells[1].mean_error, 3 * 0x1p64 / 24 * 1024);
  EXPECT_TRUE(std::isnan(cells[0].test_accuracy)) << "nothing was held out";
}

TEST(Summarise, CountsAllLayersBatchesAndTheGradientsFraction) {
  Sweep sweep;
  sweep.axes = {{"lr", {5}}};
  sweep.precision.all.fraction = 10;
  sweep.precision.tensor[static_cast<std::size_t>(Tensor::gradient)].fraction = 3;
  sweep.network.bias = true;
  sweep.train.batch = 2;
  sweep.report.smooth_window = 1;
  sweep.report.polyorder = 0;
  sweep.train.iterations = 6;
  const auto networks = networks_of(sweep, {2, 4, 3});
  Outcome outcome(6, 2);
  outcome.layers = {{50, 4}, {31, 5}};
  // 3 updates of 4 x (2 + 1) and 3 x (4 + 1) weights
  const CellResult cell = Summariser(sweep).figures(networks.at(0), outcome, 0);
  EXPECT_EQ(cell.mean_update, 81.0 / 81);
  EXPECT_EQ(cell.mean_error, 9.0 / 81 * 8);
}

TEST(Summarise, HasNoUpdatesOfBinary64) {
  const Sweep sweep = sweep_of(1, 1);
  NetworkSpec network = networks_of(sweep, {2, 3}).at(0);
  network.arithmetic = Arithmetic::binary64;
  const CellResult cell = Summariser(sweep).figures(network, Outcome(1), 0);
  EXPECT_EQ(cell.accuracy, 0.0);
  EXPECT_TRUE(std::isnan(cell.mean_update));
  EXPECT_TRUE(std::isnan(cell.mean_error));
}

TEST(Summarise, CountsTheHeldOutSamples) {
  const Sweep sweep = sweep_of(1, 1);
  const auto networks = networks_of(sweep, {2, 3});
  Outcome outcome(1);
  outcome.held_out_right = Bits(5);
  for (const std::size_t right : {0U, 3U, 4U}) outcome.held_out_right.set(right);
  const CellResult cell = Summariser(sweep).figures(networks.at(0), outcome, 5);
  EXPECT_EQ(cell.test_accuracy, 3.0 / 5);
  EXPECT_EQ(cell.held_out, 5);
}

TEST(Summarise, KeepsTheStepsThatTheReportNeeds) {
  Sweep sweep = sweep_of(100, 3);
  const auto networks = networks_of(sweep, {2, 3});
  Outcome outcome(100);
  for (const std::size_t right : {0U, 7U, 97U, 99U}) outcome.right.set(right);
  outcome.layers[0] = {36, 12};
  outcome.weights_digest = 77;
  outcome.weights = {{1, 2, 3, 4, 5, 6}};
  for (const bool curves : {false, true}) {
    sweep.report.curves = curves;
    const Summariser summariser(sweep);
    const StoredNetwork stored =
        summariser.record(networks.at(0), Outcome(outcome), 0, {0.25, 0.5, 0.75});
    EXPECT_EQ(stored.steps, 100U);
    EXPECT_EQ(stored.right, 4U);
    EXPECT_EQ(stored.last_steps, curves ? 100U : 3U);
    EXPECT_EQ(stored.last_right.count(), curves ? 4U : 2U);
    EXPECT_TRUE(stored.last_right[stored.last_steps - 1]);
    EXPECT_TRUE(stored.last_right[stored.last_steps - 3]);
    EXPECT_EQ(stored.layers, outcome.layers);
    EXPECT_EQ(stored.weights_digest, 77U);
    EXPECT_EQ(stored.weights, outcome.weights);
    const CellResult cell = figures_of(stored);
    EXPECT_EQ(cell.accuracy, summariser.figures(networks.at(0), outcome, 0).accuracy);
    EXPECT_EQ(cell.chance, 0.25);
    EXPECT_EQ(cell.recent_chance, 0.5);
    EXPECT_EQ(cell.recent_accuracy, 2.0 / 3);
    EXPECT_TRUE(std::isnan(cell.test_accuracy));
  }
}

}  // namespace
}  // namespace gridrun
