#include "train_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace gridrun::cuda {
namespace {

constexpr DeviceLimits h100{132, std::size_t{227} << 10, std::size_t{228} << 10};
constexpr DeviceLimits laptop{16, std::size_t{99} << 10, std::size_t{100} << 10};

Workload mnist(std::uint64_t grids = 1) {
  return {4, 784, 150.0, std::vector<std::uint64_t>(16, 150 * grids)};
}

TEST(TrainPlan, PacksWhatKeepsMultiprocessorsBusy) {
  EXPECT_EQ(choose_launch(mnist(), h100).shape, (Shape{32, 1}));
  EXPECT_EQ(choose_launch(mnist(100), h100).shape, (Shape{32, 4}));
  const Workload digits{4, 64, 32.0, std::vector<std::uint64_t>(16, 15'000)};
  EXPECT_LE(choose_launch(digits, h100).shape.lanes, 8);
  EXPECT_EQ(choose_launch(digits, h100).shape.neurons, 4);
}

TEST(TrainPlan, SpreadsFewNeuronsOverWholeWarps) {
  EXPECT_EQ(choose_launch({4, 784, 150.0, {10}}, h100).shape, (Shape{32, 1}));
}

TEST(TrainPlan, DiagnosesInTheShapesThatCount) {
  Workload study = mnist();
  study.diagnose = true;
  EXPECT_EQ(choose_launch(study, h100).shape, (Shape{32, 2}));
  EXPECT_TRUE(choose_launch(study, h100).diagnose);
  EXPECT_FALSE(choose_launch(mnist(), h100).diagnose);
  Workload digits{4, 64, 32.0, std::vector<std::uint64_t>(16, 15'000)};
  digits.diagnose = true;
  EXPECT_EQ(choose_launch(digits, h100).shape, (Shape{8, 2}));
  Workload large{8, 100'000, 9e4, {30}};
  large.diagnose = true;
  const TrainLaunch launch = choose_launch(large, h100);
  EXPECT_FALSE(launch.shared);
  EXPECT_TRUE(launch.diagnose);
  EXPECT_EQ(launch.shape, shapes_of(8, false, true).front());
}

TEST(TrainPlan, BlocksFitSharedMemoryAndBalanceMultiprocessors) {
  for (const DeviceLimits& limits : {h100, laptop})
    for (const std::uint64_t grids : {1, 3, 100})
      for (const Shape shape : shapes_of(4, true)) {
        const Workload work = mnist(grids);
        const TrainLaunch launch = launch_of_shape(work, limits, shape);
        if (!launch.shared) continue;
        EXPECT_LE(launch.shared_bytes, limits.shared_of_block);
        EXPECT_EQ(launch.block_lanes % warp_lanes, 0U);
        EXPECT_LE(launch.block_lanes,
                  static_cast<std::uint32_t>(most_block_warps(4, shape, false) * warp_lanes));
      }
  // The study is trained at once on an H100, and every sample fits a chunk.
  const TrainLaunch launch = choose_launch(mnist(), h100);
  const std::uint64_t block_neurons =
      launch.block_lanes / warp_lanes * static_cast<std::uint64_t>(launch.shape.neurons_of_warp());
  const std::uint64_t at_once = h100.shared_of_multiprocessor / (launch.shared_bytes + 1024);
  EXPECT_LE(16 * ((150 + block_neurons - 1) / block_neurons), 132U * at_once);
  EXPECT_GE(launch.chunk_tiles * static_cast<unsigned>(launch.shape.lanes * entries_of_lane), 784U);
}

TEST(TrainPlan, LeavesSharedMemoryWhenWeightsDoNotFit) {
  const TrainLaunch launch = choose_launch({4, 100'000, 9e4, {30}}, h100);
  EXPECT_FALSE(launch.shared);
  EXPECT_EQ(launch.shape, shapes_of(4, false).front());
  EXPECT_EQ(launch.shared_bytes, 0U);
  EXPECT_GE(launch.block_lanes, static_cast<std::uint32_t>(warp_lanes));
}

/// Samples of so many inputs of at most 1, all of them 1 in one.
Magnitudes up_to_one(std::uint32_t inputs, std::uint64_t weight) {
  return {1.0, static_cast<double>(inputs), false, inputs, weight};
}

TEST(TrainPlan, NarrowWordsNeedSmallNumbers) {
  EXPECT_TRUE(fits_narrow({19, 23}, {1.0, 350, false, 784, 5000}));
  EXPECT_TRUE(fits_narrow({27, 26}, up_to_one(32, (1U << 25) - 1)));
  EXPECT_FALSE(fits_narrow({28, 8}, up_to_one(32, 5000)));
  EXPECT_FALSE(fits_narrow({5, 27}, up_to_one(32, 5000)));
  EXPECT_FALSE(fits_narrow({5, 8}, up_to_one(32, 1U << 25)));
  EXPECT_TRUE(fits_narrow({5, 18}, {256.0, 256.0, false, 1, 5000}));
  EXPECT_FALSE(fits_narrow({5, 19}, {256.0, 256.0, false, 1, 5000}));
  EXPECT_TRUE(fits_narrow({5, 25}, {1.0, 1.0, true, 1, 5000}));
  EXPECT_FALSE(fits_narrow({5, 26}, {1.0, 1.0, true, 1, 5000}));
  EXPECT_FALSE(fits_narrow({5, 8}, {1e300, 1e300, false, 1, 0}));
}

TEST(TrainPlan, HeadroomHoldsRoundedInputs) {
  const auto headroom = [](int fraction, double largest, bool any_negative) {
    return narrow_headroom(fraction, {largest, largest, any_negative, 1, 0});
  };
  EXPECT_EQ(headroom(23, 1.0, false), 0);  // which is stored negated
  EXPECT_EQ(headroom(23, 1.0, true), 1);
  EXPECT_EQ(headroom(23, 0.999, true), 0);
  EXPECT_EQ(headroom(3, 0.999, true), 1);  // rounds to 1
  EXPECT_EQ(headroom(3, 16.0, false), 4);
  EXPECT_EQ(headroom(3, 16.1, false), 5);
  EXPECT_EQ(headroom(3, 0.0, true), 0);
}

TEST(TrainPlan, WeightBoundKeepsActivationsIn32Bits) {
  for (const int fraction : {0, 8, 23})
    for (const std::uint32_t inputs : {1U, 63U, 65U, 784U, 5'000'000U}) {
      const std::uint64_t bound = narrow_weight_bound(fraction, up_to_one(inputs, 0));
      EXPECT_LT(bound * inputs, std::uint64_t{1} << 31);
      EXPECT_EQ(bound & (bound - 1), 0U);
      const double rounded_up = inputs * (1.00001 + std::ldexp(1.0, -fraction - 1));
      EXPECT_TRUE(bound == std::uint64_t{1} << narrow_weight_bits ||
                  2.0 * static_cast<double>(bound) * rounded_up >= 0x1p31);
    }
  EXPECT_EQ(narrow_weight_bound(8, {1e300, 1e300, false, 1, 0}), 0U);
  // Inputs that are rounded up: 85 of 1.5 are twice as many.
  for (const double input : {1.5, 0.999}) {
    const std::uint64_t bound = narrow_weight_bound(0, {input, 85 * input, false, 85, 0});
    EXPECT_LT(bound * 85 * static_cast<std::uint64_t>(quantise(input, 0)), std::uint64_t{1} << 31);
  }
}

TEST(TrainPlan, DeltaLimitBoundsUpdates) {
  for (const int fraction : {0, 8, 23, 26})
    for (const double largest : {0.0, 1e-9, 0.7, 1.0, 1.99}) {
      const Magnitudes magnitudes{largest, largest, true, 1, 0};
      const std::int64_t limit = narrow_delta_limit(fraction, magnitudes);
      const std::int64_t x = quantise(largest, fraction);
      EXPECT_LT(limit, std::int64_t{1} << narrow_delta_bits);
      EXPECT_LT(limit * x >> fraction, std::int64_t{1} << narrow_update_bits);
      EXPECT_LE(-(-limit * x >> fraction), std::int64_t{1} << narrow_update_bits);
      EXPECT_LT(limit << (1 + narrow_headroom(fraction, magnitudes)), std::int64_t{1} << 31);
    }
}

TEST(TrainPlan, WarpsOfSeveralNeuronsUpdateAboutAsOften) {
  // Of fraction 23 the higher learning rates' networks update in most steps, the lower ones'
  // seldom.
  std::vector<StudyNetwork> networks;
  for (int lr = 5; lr < 19; ++lr) networks.push_back({lr, 23});
  TrainLaunch launch = launch_of_shape(mnist(), h100, {32, 2});
  const Layout layout = lay_out(networks, 10, launch);
  for (std::size_t i = 0; i + 1 < 140; i += 2) {
    const bool first = layout.units[i].lr >= 12, second = layout.units[i + 1].lr >= 12;
    EXPECT_NE(first, second) << i;
  }
}

TEST(TrainPlan, LayoutHasEveryNeuronOnceAndBlocksOfOneFraction) {
  std::vector<StudyNetwork> networks;
  for (const int fraction : {4, 9, 10})
    for (int lr = 0; lr < fraction; ++lr) networks.push_back({lr, fraction});
  TrainLaunch launch;
  launch.shape = {8, 4};
  launch.block_lanes = 64;
  const std::size_t block_units = 32;
  const Layout layout = lay_out(networks, 7, launch);
  ASSERT_EQ(layout.units.size(), layout.block_lists.size() * block_units);
  ASSERT_EQ(layout.fractions, (std::vector<int>{4, 9, 10}));
  // The blocks with the most work come first.
  EXPECT_TRUE(std::is_sorted(layout.block_lists.rbegin(), layout.block_lists.rend()));
  std::size_t used = 0;
  std::vector<std::set<int>> rates(layout.block_lists.size());
  for (std::size_t i = 0; i < layout.units.size(); ++i) {
    const Unit& unit = layout.units[i];
    if (unit.network == no_network) {
      EXPECT_EQ(unit.output, no_output);
      continue;
    }
    ++used;
    const auto n = static_cast<std::size_t>(unit.network);
    EXPECT_EQ(unit.lr, networks[n].lr);
    EXPECT_EQ(layout.fractions[layout.block_lists[i / block_units]], networks[n].fraction);
    EXPECT_EQ(layout.unit_of[n * 7 + unit.output], i);
    rates[i / block_units].insert(unit.lr);
  }
  EXPECT_EQ(used, networks.size() * 7);
  // Seven neurons of a learning rate make five rates a block in order, and all of nine when mixed.
  EXPECT_GE(rates.front().size(), 9U);
}

}  // namespace
}  // namespace gridrun::cuda
