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
  EXPECT_DOUBLE_EQ(result.at(0, 0).accuracy, 1.0 / 3);
  EXPECT_DOUBLE_EQ(result.at(0, 1).accuracy, 1.0);
  EXPECT_EQ(result.at(0, 0).mean_update, 36.0 / 24);
  EXPECT_EQ(result.at(0, 0).mean_error, 12.0 / 24 * 256);
  EXPECT_EQ(result.at(0, 1).mean_update, 0x1p100 / 24);
  EXPECT_EQ(result.at(0, 1).mean_error, 3 * 0x1p64 / 24 * 1024);
}

}  // namespace
}  // namespace gridrun
