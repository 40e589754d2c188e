#include "results/summarise.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

TEST(Summarise, DividesExactSumsOnce) {
  Sweep sweep;
  sweep.grid.lr = {5};
  sweep.grid.fraction = {8, 10};
  sweep.report.smooth_window = 3;
  sweep.report.polyorder = 0;
  StagedSweep staged;
  staged.networks = networks_of(sweep, {2, 3});
  staged.iterations = 4;

  Outcomes outcomes(2, Outcome(4));
  outcomes[0].right.set(3);
  outcomes[0].layers[0].abs_update = 36;
  outcomes[0].layers[0].dropped = 12;
  outcomes[1].right.set(2);
  outcomes[1].right.set(3);
  outcomes[1].layers[0].abs_update = (WideSum{1} << 100) + 1;  // rounds to 2^100
  outcomes[1].layers[0].dropped = WideSum{3} << 64;

  const GridResult result = summarise(sweep, staged, outcomes);
  ASSERT_EQ(result.cells.size(), 2U);
  // A window of 3 about the last step sees steps 2, 3 and 2 again.
  EXPECT_DOUBLE_EQ(result.cells[0].accuracy, 1.0 / 3);
  EXPECT_DOUBLE_EQ(result.cells[1].accuracy, 1.0);
  EXPECT_EQ(result.cells[0].mean_update, 36.0 / 24);
  EXPECT_EQ(result.cells[0].mean_error, 12.0 / 24 * 256);
  EXPECT_EQ(result.cells[1].mean_update, 0x1p100 / 24);
  EXPECT_EQ(result.cells[1].mean_error, 3 * 0x1p64 / 24 * 1024);
  EXPECT_EQ(result.axes, axes_of(sweep));
  EXPECT_FALSE(result.holds_out);
}

TEST(Summarise, CountsAllLayersBatchesAndTheGradientsFraction) {
  Sweep sweep;
  sweep.grid.lr = {5};
  sweep.precision.all.fraction = 10;
  sweep.precision.tensor[static_cast<std::size_t>(Tensor::gradient)].fraction = 3;
  sweep.network.bias = true;
  sweep.train.batch = 2;
  sweep.report.smooth_window = 1;
  sweep.report.polyorder = 0;
  StagedSweep staged;
  staged.networks = networks_of(sweep, {2, 4, 3});
  staged.iterations = 6;
  Outcome outcome(6, 2);
  outcome.layers = {{50, 4}, {31, 5}};
  // 3 updates of 4 x (2 + 1) and 3 x (4 + 1) weights
  const GridResult result = summarise(sweep, staged, {outcome});
  EXPECT_EQ(result.cells[0].mean_update, 81.0 / 81);
  EXPECT_EQ(result.cells[0].mean_error, 9.0 / 81 * 8);
}

TEST(Summarise, CountsTheHeldOutSamples) {
  Sweep sweep;
  sweep.grid.lr = {5};
  sweep.precision.all.fraction = 10;
  sweep.report.smooth_window = 1;
  sweep.report.polyorder = 0;
  StagedSweep staged;
  staged.networks = networks_of(sweep, {2, 3});
  staged.iterations = 1;
  staged.held_out = {4, 9, 2, 7, 1};
  Outcome outcome(1);
  outcome.held_out_right = Bits(5);
  for (const std::size_t right : {0U, 3U, 4U}) outcome.held_out_right.set(right);
  const GridResult result = summarise(sweep, staged, {outcome});
  EXPECT_TRUE(result.holds_out);
  EXPECT_EQ(result.cells[0].test_accuracy, 3.0 / 5);
}

}  // namespace
}  // namespace gridrun
