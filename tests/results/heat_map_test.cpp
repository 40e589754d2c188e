#include "results/heat_map.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

Slice slice_of(std::vector<int> lr, PrecisionAxis precision, const std::vector<double>& values) {
  Slice slice;
  slice.lr = std::move(lr);
  slice.precision = std::move(precision);
  for (const double value : values) slice.cells.emplace_back().accuracy = value;
  return slice;
}

const Slice slice =
    slice_of({5, 19}, {"fraction", {8, 9, 10}}, {0.0, 0.504, 1.0, -0.02, 0.095, 1.02});

TEST(HeatMap, IsATableOfPercent) {
  EXPECT_EQ(heat_map(slice, false, 0),
            "accuracy in percent; down: learning rate 2^-lr, across: fraction bits\n"
            "lr      8   9  10\n"
            "5       0  50 100\n"
            "19     -2  10 102\n");
}

TEST(HeatMap, BreaksIntoPanelsThatFit) {
  EXPECT_EQ(heat_map(slice, false, 15),
            "accuracy in percent; down: learning rate 2^-lr, across: fraction bits\n"
            "lr      8   9\n"
            "5       0  50\n"
            "19     -2  10\n"
            "lr     10\n"
            "5     100\n"
            "19    102\n");
  EXPECT_NE(heat_map(slice, false, 1).find("lr     10\n"), std::string::npos);
}

TEST(HeatMap, NamesItsColumns) {
  Slice of_bits = slice;
  of_bits.precision.name = "bits";
  EXPECT_EQ(heat_map(of_bits, false, 0)
                .find("accuracy in percent; down: learning rate 2^-lr, across: bits of a word\n"
                      "lr      8   9  10\n"),
            0U);
  EXPECT_EQ(heat_map(slice_of({-16, 0}, {"", {0}}, {0.5, 1.0}), false, 0),
            "accuracy in percent; down: learning rate 2^-lr\n"
            "lr\n"
            "-16    50\n"
            "0     100\n")
      << "a column that is of no axis has no name";
}

TEST(HeatMap, ColoursEveryCellAndEndsEveryColour) {
  const std::string text = heat_map(slice, true, 0);
  EXPECT_NE(text.find("\x1b[48;5;53;38;5;231m  0 \x1b[0m"), std::string::npos) << "dark";
  EXPECT_NE(text.find("\x1b[48;5;226;38;5;16m102 \x1b[0m"), std::string::npos) << "light";
  std::size_t begun = 0, ended = 0;
  for (std::size_t at = 0; (at = text.find("\x1b[48", at)) != std::string::npos; ++at) ++begun;
  for (std::size_t at = 0; (at = text.find("\x1b[0m", at)) != std::string::npos; ++at) ++ended;
  EXPECT_EQ(begun, 6U);
  EXPECT_EQ(ended, 6U);
}

}  // namespace
}  // namespace gridrun
