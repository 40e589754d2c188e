// How networks in general are laid out, and the arithmetic in 32 bits that their plan prepares.
#include "general/network_plan.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "gridrun/tensor_formats.hpp"

namespace gridrun::cuda {
namespace {

NetworkLaunch launch_with(std::size_t shared_bytes, const NetworkPlaces& places,
                          bool counts = false) {
  DeviceLimits limits;
  limits.shared_of_block = shared_bytes;
  return choose_network_launch(places, true, counts, limits);
}

TEST(NetworkPlan, PutsIntoSharedMemoryWhatFits) {
  const NetworkPlaces places({784, 100, 10}, 2, most_network_lanes);
  EXPECT_EQ(places.weights, 785U * 100 + 4 + 101 * 10 + 6);  // layers begin at multiples of 8 words
  const NetworkLaunch whole = launch_with(227 << 10, places);
  EXPECT_TRUE(whole.shared_vectors && whole.shared_weights && whole.shared_sums);
  EXPECT_EQ(whole.lanes, static_cast<std::uint32_t>(most_network_lanes));
  const std::size_t tables = network_table_bytes(2);
  const std::size_t without_sums =
      8 * (4 * whole.lanes + 2 + places.vector_words) + tables + 2 * places.weights;
  EXPECT_EQ(whole.shared_bytes, without_sums + 2 * whole.lanes * sizeof(LaneSums));
  EXPECT_EQ(whole.shared.counters, 4 * whole.lanes);
  EXPECT_EQ(whole.shared.tables, whole.shared.counters + 2);
  EXPECT_EQ(8U * whole.shared.vectors, 8U * whole.shared.tables + tables);
  EXPECT_EQ(whole.shared.weights, whole.shared.vectors + places.vector_words);
  EXPECT_EQ(8U * whole.shared.sums, without_sums);
  const NetworkLaunch tight = launch_with(whole.shared_bytes - 1, places);
  EXPECT_TRUE(tight.shared_vectors && tight.shared_weights && !tight.shared_sums);
  EXPECT_EQ(tight.shared_bytes, without_sums);
  const NetworkLaunch wide =
      launch_with(227 << 10, NetworkPlaces({784, 100, 10}, 4, most_network_lanes));
  EXPECT_TRUE(wide.shared_vectors && !wide.shared_weights && wide.shared_sums);
  const NetworkLaunch deep =  // whose tables take more than vectors
      launch_with(227 << 10, NetworkPlaces(std::vector<std::uint32_t>(1000, 1), 2, 32));
  EXPECT_TRUE(!deep.shared_vectors && !deep.shared_weights);
  const NetworkLaunch none = launch_with(17 << 10, places);
  EXPECT_TRUE(!none.shared_vectors && !none.shared_weights && !none.shared_sums);
  const NetworkLaunch counts =
      launch_with(227 << 10, NetworkPlaces({3, 2}, 8, most_network_lanes), true);
  EXPECT_TRUE(counts.shared_vectors && !counts.shared_weights && !counts.shared_sums);
}

TEST(NetworkPlan, TakesMoreLanesForLargePlainNetworksAndFewerForSmall) {
  const auto layout = [](const std::vector<std::uint32_t>& units, std::size_t shared_bytes,
                         bool plain) {
    DeviceLimits limits;
    limits.shared_of_block = shared_bytes;
    return lay_out_networks(units, 2, plain, false, limits, 1);
  };
  const std::vector<std::uint32_t> small = {784, 100, 10}, large = {784, 1000, 1000, 10};
  const NetworkLayout whole = layout(small, 227 << 10, true);
  EXPECT_TRUE(whole.launch.plain && whole.launch.shared_weights && whole.launch.shared_sums);
  EXPECT_EQ(whole.launch.lanes, 256U);
  EXPECT_EQ(whole.places.lanes, whole.launch.lanes);
  const NetworkLayout global = layout(large, 227 << 10, true);
  EXPECT_TRUE(global.launch.plain && !global.launch.shared_weights);
  EXPECT_EQ(global.launch.lanes, static_cast<std::uint32_t>(most_plain_lanes));
  const NetworkLayout tight = layout(large, 48 << 10, true);
  EXPECT_FALSE(tight.launch.plain);  // vectors do not fit
  EXPECT_EQ(tight.launch.lanes, static_cast<std::uint32_t>(most_network_lanes));
  const NetworkLayout other = layout(small, 227 << 10, false);
  EXPECT_TRUE(!other.launch.plain && !other.launch.shared_weights);
  EXPECT_EQ(other.launch.lanes, static_cast<std::uint32_t>(most_network_lanes));
}

TEST(NetworkPlan, TrainsSomeAtOnceWhereThereAreMany) {
  DeviceLimits limits;
  limits.multiprocessors = 10;
  limits.shared_of_block = 227 << 10;
  limits.shared_of_multiprocessor = 228 << 10;
  const auto layout = [&](const std::vector<std::uint32_t>& units, std::size_t word, bool plain,
                          std::size_t networks) {
    return lay_out_networks(units, word, plain, false, limits, networks).launch;
  };
  const std::vector<std::uint32_t> units = {784, 100, 10};
  const auto most_lanes = static_cast<std::uint32_t>(most_network_lanes);
  EXPECT_EQ(layout(units, 2, false, 30).lanes, most_lanes);
  EXPECT_EQ(layout(units, 2, false, 31).lanes, most_lanes / 3);
  const NetworkLaunch plain = layout(units, 2, true, 31);
  EXPECT_TRUE(plain.plain && plain.shared_vectors && !plain.shared_weights);
  EXPECT_EQ(plain.lanes, 256U);
  EXPECT_TRUE(layout(units, 2, true, 30).shared_weights);
  EXPECT_EQ(layout(units, 4, true, 31).lanes, 256U);
  EXPECT_EQ(layout(units, 4, true, 30).lanes, 512U);
  // Two of these fit beside each other.
  EXPECT_TRUE(layout({784, 48, 10}, 2, true, 31).shared_weights);
  // The vectors of three of these do not.
  const std::vector<std::uint32_t> wide = {784, 4000, 10};
  EXPECT_EQ(layout(wide, 2, true, 31).lanes, layout(wide, 2, true, 1).lanes);
  EXPECT_TRUE(layout(wide, 2, true, 31).plain);
}

TEST(NetworkPlan, TakesALaneForSomeWeights) {
  const auto lanes = [](const std::vector<std::uint32_t>& units) {
    return NetworkPlaces(units, 2, most_network_lanes).lanes;
  };
  EXPECT_EQ(lanes({1, 1}), 32U);
  EXPECT_EQ(lanes({784, 10}), 128U);
  EXPECT_EQ(lanes({784, 1000, 1000, 10}), static_cast<std::uint32_t>(most_network_lanes));
}

TEST(NetworkPlan, SharesUnitsAmongLanes) {
  const NetworkPlaces places({784, 100, 10}, 2, most_network_lanes);
  const LayerPlace& first = places.layers[0];
  EXPECT_EQ(first.width, 4U);
  EXPECT_EQ(first.tile, 100U);
  EXPECT_EQ(first.shares, 19U);          // 25 groups of 4 units, 480 lanes
  EXPECT_EQ(first.unit_lanes_log2, 1U);  // two lanes add up 10 shares at most
  const LayerPlace& last = places.layers[1];
  EXPECT_TRUE(!first.by_warps && last.by_warps);
  EXPECT_EQ(last.width, 1U);  // 15 warps
  const LayerPlace few = NetworkPlaces({784, 9}, 2, most_network_lanes).layers[0];
  EXPECT_TRUE(!few.by_warps);  // 4 warps
  EXPECT_EQ(few.width, 1U);    // rows of 9 words are no multiples of 8 bytes
  EXPECT_EQ(few.shares, 14U);  // of 128 lanes
  EXPECT_EQ(few.unit_lanes_log2, 1U);
  const LayerPlace large = NetworkPlaces({9, 5000}, 8, most_network_lanes).layers[0];
  EXPECT_EQ(large.width, 1U);
  EXPECT_EQ(large.tile, static_cast<std::uint32_t>(most_network_lanes));
  EXPECT_EQ(large.shares, 1U);
  EXPECT_EQ(large.unit_lanes_log2, 0U);
}

TEST(NetworkPlan, GivesAWarpToPairsOfUnitsWhereItHasNoneForEach) {
  const auto last = [](std::uint32_t units, std::size_t word) {
    return NetworkPlaces({784, 100, units}, word, 256).layers.back();  // 8 warps
  };
  EXPECT_TRUE(last(8, 2).by_warps);
  EXPECT_EQ(last(8, 2).width, 1U);
  for (const std::uint32_t units : {10U, 16U})
    for (const std::size_t word : {2U, 4U}) {
      EXPECT_TRUE(last(units, word).by_warps) << units;
      EXPECT_EQ(last(units, word).width, 2U) << units;
    }
  EXPECT_FALSE(last(9, 2).by_warps);
  EXPECT_FALSE(last(18, 2).by_warps);
  EXPECT_FALSE(last(10, 8).by_warps);  // one word of 64 bits is read at once
}

TEST(NetworkPlan, LaunchesFewEnoughStepsForSumsOf64Bits) {
  EXPECT_EQ(most_launch_steps(NetworkPlaces({784, 100, 10}, 2, most_network_lanes)),
            most_lane_terms / (785 + 4) - 1);
  EXPECT_EQ(most_launch_steps(NetworkPlaces({1, 1}, 2, most_network_lanes)),
            most_lane_terms / (2 + 4) - 1);
}

TEST(NetworkPlan, UpdatesInFoursWhereDrawsAreShared) {
  NetworkSpec spec;
  spec.units = {784, 100, 10};
  for (Format* format : in_order(spec.formats)) *format = Format{16, 12};
  spec.lr = 6;
  EXPECT_GT(least_in_fours(spec, 0), 100U);  // nothing is at random
  spec.formats.master.round = Round::stochastic;
  EXPECT_EQ(least_in_fours(spec, 0), 34U);  // a third
  EXPECT_GT(least_in_fours(spec, 1), 10U);  // four elements may be in two rows
  spec.formats.gradient.bits = 40;
  EXPECT_GT(least_in_fours(spec, 0), 100U);  // not in 32 bits
  EXPECT_EQ(layer_arithmetic(spec)[0].least_in_fours, least_in_fours(spec, 0));
}

TEST(Rounding, IsTheDefinitionsWithoutBranches) {
  for (const Round round :
       {Round::floor, Round::toward_zero, Round::nearest_up, Round::nearest_down,
        Round::nearest_even, Round::nearest_away, Round::stochastic})
    for (const int n : {1, 2, 3, 5, 30, 31})
      for (std::int64_t value = -300; value <= 300; ++value) {
        // Of both ends of the words too, and around the ties there.
        for (const std::int64_t base :
             {std::int64_t{0}, std::int64_t{1} << (n - 1), std::int64_t{INT32_MIN} + 300,
              std::int64_t{INT32_MAX} - 300}) {
          const auto v = static_cast<std::int32_t>(base + value);
          if (v != base + value) continue;
          const std::uint32_t random = round == Round::stochastic
                                           ? static_cast<std::uint32_t>(value * value) % (1U << n)
                                           : 0;
          const Rounding rounding = rounding_of(round, n);
          ASSERT_EQ(rounded_shift<std::int32_t>(v, n, rounding, random),
                    round_shift_in<std::int32_t>(v, n, round, random))
              << v << " / 2^" << n << ", " << static_cast<int>(round);
          ASSERT_EQ(rounded_shift<std::int64_t>(v, n, rounding, random),
                    round_shift(v, n, round, random));
        }
        const std::int64_t far = value < 0 ? INT64_MIN - value : INT64_MAX - value;
        for (const int m : {n, n + 31, 63})
          ASSERT_EQ(rounded_shift<std::int64_t>(far, m, rounding_of(round, m), 0),
                    round_shift(far, m, round, 0))
              << far << " / 2^" << m << ", " << static_cast<int>(round);
      }
}

TEST(Rounding, Of32BitsNeedsNoRest) {
  NetworkSpec spec;
  spec.units = {1, 1};
  for (Format* format : in_order(spec.formats)) *format = Format{16, 0};
  for (const Round round : {Round::floor, Round::toward_zero, Round::nearest_up,
                            Round::nearest_down, Round::nearest_even, Round::nearest_away})
    for (const Overflow overflow :
         {Overflow::wrap, Overflow::saturate, Overflow::saturate_symmetric})
      for (const int bits : {2, 16, 30})
        for (const int n : {1, 2, 7, 29, 30}) {
          spec.lr = n;  // the shift of u
          spec.formats.master = Format{bits, 0, round, overflow};
          spec.formats.error.fraction = n;  // the shift of P
          spec.formats.gradient = Format{bits, 0, round, overflow};
          ASSERT_TRUE(updates_in_32_bits(spec, 0));
          const NarrowArithmetic narrow = layer_arithmetic(spec)[0].narrow;
          spec.formats.error.fraction = 0;
          for (const NarrowFitting& fitting : {narrow.gradient, narrow.master})
            for (const std::int32_t base : {0, 1 << (n - 1), 1 << (bits - 1), 1 << 30, -(1 << 30)})
              for (std::int32_t v = base - 40; v <= base + 40; ++v) {
                if (v > 1 << 30 || v < -(1 << 30)) continue;
                ASSERT_EQ(fitting.rounded(v), round_shift_in<std::int32_t>(v, n, round, 0))
                    << v << " / 2^" << n << ", " << static_cast<int>(round);
                ASSERT_TRUE(narrow.added == Added::more_below_zero ||
                            fitting.rounded<Added::constants>(v) == fitting.rounded(v))
                    << v;
                ASSERT_TRUE(narrow.added != Added::nothing ||
                            fitting.rounded<Added::nothing>(v) == fitting.rounded(v))
                    << v;
                const std::int32_t word = fitting.overflowed(v);
                ASSERT_EQ(narrow.overflows == Overflows::wrap
                              ? fitting.overflowed<Overflows::wrap>(v)
                              : fitting.overflowed<Overflows::saturate>(v),
                          word)
                    << v;
                ASSERT_EQ(word, overflowed_in<std::int32_t>(v, bits, overflow))
                    << v << " in " << bits << " bits, " << static_cast<int>(overflow);
              }
        }
}

/// With R, too, at its smallest and largest.
TEST(Rounding, SaturatesBeyondWhatIsNarrow) {
  int saturating = 0, others = 0;
  for (const Overflow overflow : {Overflow::wrap, Overflow::saturate, Overflow::saturate_symmetric})
    for (const int bits : {2, 8, 16, 30})
      for (int n = 1; n <= 30; ++n)
        for (const Round round :
             {Round::floor, Round::toward_zero, Round::nearest_up, Round::nearest_down,
              Round::nearest_even, Round::nearest_away, Round::stochastic}) {
          NetworkSpec spec;
          spec.units = {1, 1};
          for (Format* format : in_order(spec.formats)) *format = Format{16, 0};
          spec.batch = 2;
          spec.formats.error.fraction = n;
          spec.formats.gradient = Format{bits, 0, round, overflow};
          ASSERT_TRUE(updates_in_32_bits(spec, 0));
          const NarrowFitting fitting = layer_arithmetic(spec)[0].narrow.gradient;
          if (!fitting.saturates_beyond()) {
            ++others;
            continue;
          }
          ++saturating;
          ASSERT_NE(overflow, Overflow::wrap);
          for (const int sign : {1, -1})
            for (const std::int64_t beyond :
                 {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{1} << n,
                  std::int64_t{1} << 31, std::int64_t{1} << 62})
              for (const std::int32_t rest : {0, (1 << n) - 1}) {
                const std::int32_t r = round == Round::stochastic ? rest : 0;
                const std::int64_t p = sign * (narrow_most + beyond);
                ASSERT_EQ(
                    fitting.overflowed(fitting.rounded(sign * narrow_most + r)),
                    overflowed_in<std::int64_t>(
                        round_shift(p, n, round, static_cast<std::uint64_t>(r)), bits, overflow))
                    << p << " / 2^" << n << ", " << bits << " bits, " << static_cast<int>(round);
              }
        }
  EXPECT_GT(saturating, 100);
  EXPECT_GT(others, 100);
}

TEST(Division, IsExactForLanes) {
  for (std::uint32_t n = 1; n <= 5 * most_plain_lanes; ++n)
    for (std::uint32_t i = 0; i <= most_plain_lanes; ++i)
      ASSERT_EQ(divided(i, division_inverse(n)), i / n) << i << " / " << n;
}

TEST(NetworkPlan, KeepsWeightsInTheShortestWordsOfTheirFormat) {
  NetworkSpec spec;
  spec.units = {3, 2};
  for (const auto& [bits, bytes] : {std::pair{2, 2U}, {16, 2U}, {17, 4U}, {32, 4U}, {33, 8U}}) {
    for (Format* format : in_order(spec.formats)) format->bits = bits;
    spec.formats.accumulator.bits = 64;  // of sums, which have 64 bits in any case
    EXPECT_EQ(weight_bytes(spec), bytes) << bits;
  }
  for (Format* format : in_order(spec.formats)) format->bits = 16;
  spec.formats.error.bits = 33;
  EXPECT_EQ(weight_bytes(spec), 8U);
  spec.formats.error.bits = 16;
  spec.units = {1U << 16, 1U << 16};  // 2^32 weights
  EXPECT_EQ(weight_bytes(spec), 8U);
}

TEST(NetworkPlan, UpdatesIn32BitsWhatFits) {
  NetworkSpec fits;
  fits.units = {3, 2};
  fits.lr = 1;
  for (Format* format : in_order(fits.formats)) *format = Format{16, 8};
  EXPECT_TRUE(updates_in_32_bits(fits, 0));
  const auto is_refused = [&](auto change) {
    NetworkSpec spec = fits;
    change(spec);
    return !updates_in_32_bits(spec, 0);
  };
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.lr = -1; }));  // u to the left
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.lr = 31; }));  // a shift too far for it
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.input.bits = 17; }));
  EXPECT_FALSE(is_refused([](NetworkSpec& spec) {  // where P itself is looked at
    spec.formats.input.bits = 17;
    spec.batch = 2;
  }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.gradient.bits = 31; }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.gradient.fraction = 17; }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.master.bits = 31; }));
}

}  // namespace
}  // namespace gridrun::cuda
