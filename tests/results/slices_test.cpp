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
  const auto slices = slices_of(numbered({{"lr", {-1, 5}}, {"bits", {8, 12, 16}}}));
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_TRUE(slices[0].held.empty());
  EXPECT_EQ(slices[0].lr, (std::vector<int>{-1, 5}));
  EXPECT_EQ(slices[0].precision, (PrecisionAxis{"bits", {8, 12, 16}}));
  EXPECT_EQ(accuracies(slices[0]), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(slices[0].at(1, 2).accuracy, 5);
  EXPECT_TRUE(slices[0].holds_out);
}

TEST(Slices, OfOneAxisAreAColumn) {
  const auto slices = slices_of(numbered({{"lr", {3, 4, 5}}}));
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(slices[0].precision.name, "");
  EXPECT_EQ(accuracies(slices[0]), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(slices[0].at(2, 0).accuracy, 2);
}

TEST(Slices, HoldFurtherAxes) {
  const auto slices =
      slices_of(numbered({{"lr", {3, 4}}, {"fraction", {6, 7}}, {"bits", {8, 12, 16}}}));
  ASSERT_EQ(slices.size(), 3U);
  const std::vector<std::vector<double>> expected = {{0, 3, 6, 9}, {1, 4, 7, 10}, {2, 5, 8, 11}};
  for (std::size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(slices[n].held,
              (std::vector<HeldValue>{{"bits", std::vector<KeyValue>{8, 12, 16}[n]}}));
    EXPECT_EQ(slices[n].precision.name, "fraction");
    EXPECT_EQ(accuracies(slices[n]), expected[n]);
  }
}

TEST(Slices, HaveRowsAndColumnsWhereverTheirAxesAre) {
  const auto slices =
      slices_of(numbered({{"train.seed", {1, 2}},
                          {"lr", {3, 4}},
                          {"precision.round", {"floor", "stochastic", "nearest_up"}},
                          {"bits", {8, 16}}}));
  ASSERT_EQ(slices.size(), 6U);
  EXPECT_EQ(slices[4].held,
            (std::vector<HeldValue>{{"train.seed", 2}, {"precision.round", "stochastic"}}));
  EXPECT_EQ(slices[4].precision.name, "bits");
  EXPECT_EQ(accuracies(slices[4]), (std::vector<double>{14, 15, 20, 21}));
}

TEST(Slices, AreThoseOfWhichAllIsTrained) {
  GridResult grid = numbered({{"lr", {3, 4}}, {"fraction", {6, 7}}, {"bits", {8, 12, 16}}});
  grid.cells[4] = {};
  const auto slices = slices_of(grid);
  ASSERT_EQ(slices.size(), 2U);
  EXPECT_EQ(slices[1].held, (std::vector<HeldValue>{{"bits", 16}}));
}

TEST(Slices, AreCountedWholeOrNot) {
  GridResult grid = numbered({{"train.seed", {1, 2, 3}}, {"lr", {3, 4}}, {"bits", {8, 16}}});
  grid.cells[4] = {};
  EXPECT_EQ(count_slices(grid), 3U);
  EXPECT_EQ(slices_of(grid).size(), 2U);
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
