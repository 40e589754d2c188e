#include "results/slices.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

/// A grid whose cells have their number as accuracy.
GridResult numbered(std::vector<Axis> axes) {
  GridResult grid{std::move(axes), {}, true};
  std::size_t cells = 1;
  for (const Axis& axis : grid.axes) cells *= axis.values.size();
  for (std::size_t cell = 0; cell < cells; ++cell)
    grid.cells.push_back({static_cast<double>(cell)});
  return grid;
}

std::vector<double> accuracies(const Slice& slice) {
  std::vector<double> values;
  for (const CellResult& cell : slice.cells) values.push_back(cell.accuracy);
  return values;
}

TEST(Slices, OfTwoAxesAreTheGrid) {
  const auto slices =
      slices_of(numbered({{"lr", {-1, 5}}, {"bits", {8, 12, 16}}}), Metric::accuracy);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_TRUE(slices[0][0].held.empty());
  EXPECT_EQ(slices[0][0].lr, (std::vector<int>{-1, 5}));
  EXPECT_EQ(slices[0][0].precision, (PrecisionAxis{"bits", {8, 12, 16}}));
  EXPECT_EQ(accuracies(slices[0][0]), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(slices[0][0].at(1, 2).accuracy, 5);
  EXPECT_FALSE(slices[0][0].holds_out);
}

TEST(Slices, OfOneAxisAreAColumn) {
  const auto slices = slices_of(numbered({{"lr", {3, 4, 5}}}), Metric::accuracy);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(slices[0][0].precision.name, "");
  EXPECT_EQ(accuracies(slices[0][0]), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(slices[0][0].at(2, 0).accuracy, 2);
}

TEST(Slices, HoldFurtherAxes) {
  const auto slices = slices_of(
      numbered({{"lr", {3, 4}}, {"fraction", {6, 7}}, {"bits", {8, 12, 16}}}), Metric::accuracy);
  ASSERT_EQ(slices.size(), 3U);
  const std::vector<std::vector<double>> expected = {{0, 3, 6, 9}, {1, 4, 7, 10}, {2, 5, 8, 11}};
  for (std::size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(slices[n][0].held,
              (std::vector<HeldValue>{{"bits", std::vector<KeyValue>{8, 12, 16}[n]}}));
    EXPECT_EQ(slices[n][0].precision.name, "fraction");
    EXPECT_EQ(accuracies(slices[n][0]), expected[n]);
  }
}

TEST(Slices, HaveRowsAndColumnsWhereverTheirAxesAre) {
  const auto slices =
      slices_of(numbered({{"train.seed", {1, 2}},
                          {"lr", {3, 4}},
                          {"precision.round", {"floor", "stochastic", "nearest_up"}},
                          {"bits", {8, 16}}}),
                Metric::accuracy);
  ASSERT_EQ(slices.size(), 3U);
  ASSERT_EQ(slices[1].size(), 2U) << "the seeds are together";
  EXPECT_EQ(slices[1][1].held, (std::vector<HeldValue>{{"precision.round", "stochastic"}}));
  EXPECT_EQ(slices[1][0].seed, KeyValue(1));
  EXPECT_EQ(slices[1][1].seed, KeyValue(2));
  EXPECT_EQ(slices[1][1].precision.name, "bits");
  EXPECT_EQ(accuracies(slices[1][1]), (std::vector<double>{14, 15, 20, 21}));
}

TEST(Slices, RiseWhateverTheOrderOfTheirAxes) {
  const auto slices =
      slices_of(numbered({{"lr", {4, -3}}, {"bits", {8, 16, 12}}}), Metric::accuracy);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(slices[0][0].lr, (std::vector<int>{-3, 4}));
  EXPECT_EQ(slices[0][0].precision.values, (std::vector<int>{8, 12, 16}));
  EXPECT_EQ(accuracies(slices[0][0]), (std::vector<double>{3, 5, 4, 0, 2, 1}));
}

TEST(Slices, HaveNumbersOfAnyPrecisionAcross) {
  const auto slices = slices_of(numbered({{"precision.round", {"floor", "stochastic"}},
                                          {"precision.weight.bits", {4, 8}},
                                          {"lr", {5}}}),
                                Metric::accuracy);
  ASSERT_EQ(slices.size(), 2U);
  EXPECT_EQ(slices[1][0].precision, (PrecisionAxis{"precision.weight.bits", {4, 8}}));
  EXPECT_EQ(slices[1][0].held, (std::vector<HeldValue>{{"precision.round", "stochastic"}}));
}

TEST(Slices, AreComparedByWhatWasHeldOutWhereAllWas) {
  GridResult grid = numbered({{"lr", {3, 4}}, {"bits", {8, 16}}});
  EXPECT_EQ(slices_of(grid, {})[0][0].metric, Metric::recent_accuracy);
  for (CellResult& cell : grid.cells) cell.held_out = 10;
  EXPECT_EQ(slices_of(grid, {})[0][0].metric, Metric::test_accuracy);
  EXPECT_TRUE(slices_of(grid, Metric::accuracy)[0][0].holds_out);
  grid.cells[2].held_out = 0;
  EXPECT_FALSE(slices_of(grid, {})[0][0].holds_out);
  EXPECT_EQ(slices_of(grid, {})[0][0].metric, Metric::recent_accuracy);
}

TEST(Slices, HaveTheirRowsBaselines) {
  GridResult grid = numbered({{"bits", {8, 16}}, {"lr", {3, 4}}});
  grid.baselines = {{0.5}, {0.6}};
  grid.baseline_of = {0, 1, 0, 1};
  const Slice slice = slices_of(grid, Metric::accuracy)[0][0];
  ASSERT_EQ(slice.baselines.size(), 2U);
  EXPECT_EQ(slice.baselines[0].accuracy, 0.5);
  EXPECT_EQ(slice.baselines[1].accuracy, 0.6);
  grid.baselines[1] = {};
  EXPECT_TRUE(slices_of(grid, Metric::accuracy)[0][0].baselines.empty()) << "not all are trained";
}

TEST(Slices, HaveMeansOverTheirSeeds) {
  const auto slices =
      slices_of(numbered({{"train.seed", {1, 2, 3}}, {"lr", {3, 4}}}), Metric::accuracy);
  const Slice mean = mean_of(slices[0]);
  EXPECT_EQ(accuracies(mean), (std::vector<double>{2, 3}));
  EXPECT_FALSE(mean.seed);
}

TEST(Slices, AreThoseOfWhichAllIsTrained) {
  GridResult grid = numbered({{"lr", {3, 4}}, {"fraction", {6, 7}}, {"bits", {8, 12, 16}}});
  grid.cells[4] = {};
  const auto slices = slices_of(grid, Metric::accuracy);
  ASSERT_EQ(slices.size(), 2U);
  EXPECT_EQ(slices[1][0].held, (std::vector<HeldValue>{{"bits", 16}}));
}

TEST(Slices, AreCountedWholeOrNot) {
  GridResult grid = numbered({{"train.seed", {1, 2, 3}}, {"lr", {3, 4}}, {"bits", {8, 16}}});
  grid.cells[4] = {};
  EXPECT_EQ(count_slices(grid), 3U);
  EXPECT_EQ(slices_of(grid, Metric::accuracy)[0].size(), 2U);
  EXPECT_EQ(count_slices(numbered({{"lr", {3, 4}}})), 1U);
}

TEST(GridResult, KnowsWhereItsCellsAre) {
  const GridResult grid = numbered({{"lr", {3, 4}}, {"fraction", {6, 7}}, {"bits", {8, 12, 16}}});
  EXPECT_EQ(grid.values_at(0), (std::vector<KeyValue>{3, 6, 8}));
  EXPECT_EQ(grid.values_at(4), (std::vector<KeyValue>{3, 7, 12}));
  EXPECT_EQ(grid.values_at(11), (std::vector<KeyValue>{4, 7, 16}));
}

}  // namespace
}  // namespace gridrun
