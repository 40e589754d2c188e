// Networks in general on the cuda engine against the reference engine, to the byte: the same tests
// over the emulation and on a GPU.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "cuda_networks_test.hpp"
#include "general/network_kinds.hpp"
#include "general/network_memory.hpp"
#include "general/network_plan.hpp"
#include "gridrun/tensor_formats.hpp"

namespace gridrun::cuda {
namespace {

class CudaGeneral : public CudaNetworksTest {
 protected:
  /// Nothing is put into shared memory but the parts of sums.
  static Tuning no_shared_memory() {
    Tuning tuning;
    tuning.limits = DeviceLimits{1, 0, 0};
    return tuning;
  }
};

TEST_F(CudaGeneral, RandomNetworksAgreeWithReference) {
  BatchedEngine::Record total;
  for (std::uint32_t seed = 0; seed < seeds(24) && !HasFailure(); ++seed)
    for (const RandomBits bits : {short_bits, middle_bits, all_bits}) {
      Tuning tuning;
      tuning.slice_steps = seed % 3 == 0 ? 0 : 1 + seed % 37;  // launches begin amid words of bits
      BatchedEngine trained = engine(tuning, seed);
      expect_same_as_reference(trained, random_networks(seed, bits));
      total.general += trained.record().general;
      total.global += trained.record().global;
    }
  EXPECT_GT(total.general, total.global);
}

/// Every path of the kernels is taken by networks of the tests above and below.
TEST(RandomNetworks, TakeEveryPath) {
  int plain = 0, others_in_32_bits = 0, batches = 0, pairs = 0;
  for (std::uint32_t seed = 0; seed < 24; ++seed)
    for (const RandomBits bits : {short_bits, middle_bits, all_bits})
      for (const NetworkSpec& spec : random_networks(seed, bits).staged.networks) {
        plain += is_plain(spec);
        others_in_32_bits += !is_plain(spec) && updates_in_32_bits(spec, 0);
        batches += spec.batch > 1;
        if (spec.batch > 1) continue;
        const DeviceLimits limits{132, 227 << 10, 228 << 10};
        for (const LayerPlace& at :
             lay_out(spec.units, kind_of(spec, false), false, limits, 1).places.layers)
          pairs += at.by_warps && at.width == 2;
      }
  EXPECT_GT(plain, 10);
  EXPECT_GT(others_in_32_bits, 10);
  EXPECT_GT(batches, 10);
  EXPECT_GT(pairs, 10);
}

TEST_F(CudaGeneral, GlobalMemoryAgreesWithReference) {
  BatchedEngine::Record total;
  for (std::uint32_t seed = 100; seed < 100 + seeds(12) && !HasFailure(); ++seed)
    for (const RandomBits bits : {short_bits, middle_bits, all_bits}) {
      Tuning tuning = no_shared_memory();
      BatchedEngine trained = engine(tuning, seed);
      expect_same_as_reference(trained, random_networks(seed, bits));
      total.general += trained.record().general;
      total.global += trained.record().global;
    }
  EXPECT_GT(total.general, 0U);
  EXPECT_EQ(total.general, total.global);
}

TEST_F(CudaGeneral, PlainNetworksWithWeightsInGlobalMemory) {
  std::size_t plain = 0;
  for (std::uint32_t seed = 300; seed < 300 + seeds(12) && !HasFailure(); ++seed)
    for (const auto& [bits, word] : {std::pair{short_bits, std::size_t{2}}, {middle_bits, 4}}) {
      const RandomNetworks networks = random_networks(seed, bits);
      const auto& units = networks.staged.networks.front().units;
      const DeviceLimits ample{1, std::size_t{1} << 20, std::size_t{1} << 20};
      const NetworkLaunch launch = lay_out_networks(units, word, true, false, ample, 1).launch;
      Tuning tuning;
      tuning.limits =
          DeviceLimits{1, 8 * (std::size_t{launch.shared.weights} + 1), 0};  // no room for them
      const NetworkLayout layout = lay_out_networks(units, word, true, false, *tuning.limits, 1);
      ASSERT_TRUE(layout.launch.plain && !layout.launch.shared_weights);
      for (const NetworkSpec& spec : networks.staged.networks)
        plain += is_plain(spec) && weight_bytes(spec) == word;
      BatchedEngine trained = engine(tuning, seed);
      expect_same_as_reference(trained, networks);
    }
  EXPECT_GT(plain, 0U);
}

/// How updates are brought into a format.
struct Update {
  Round round;
  Overflow overflow;
};
constexpr Update all_updates[] = {
    {Round::floor, Overflow::saturate},        {Round::floor, Overflow::wrap},
    {Round::nearest_even, Overflow::saturate}, {Round::nearest_even, Overflow::wrap},
    {Round::toward_zero, Overflow::saturate},  {Round::toward_zero, Overflow::wrap}};

/// Random networks, updated after every sample, in which nothing is rounded at random.
RandomNetworks networks_updated_so(std::uint32_t seed, RandomBits bits, Update gradient,
                                   Update master) {
  RandomNetworks networks = random_networks(seed, bits);
  for (NetworkSpec& spec : networks.staged.networks) {
    TensorFormats& formats = spec.formats;
    for (Format* format : in_order(formats))
      if (format->round == Round::stochastic) format->round = Round::nearest_even;
    formats.gradient.round = gradient.round;
    formats.gradient.overflow = gradient.overflow;
    formats.master.round = master.round;
    formats.master.overflow = master.overflow;
    formats.weight = formats.master;
    spec.batch = 1;
  }
  return networks;
}

TEST_F(CudaGeneral, PlainNetworksOfEveryUpdate) {
  constexpr std::size_t kinds = std::size(all_updates);
  for (std::uint32_t seed = 0; seed < seeds(12) && !HasFailure(); ++seed)
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      BatchedEngine trained = engine({}, seed);
      expect_same_as_reference(
          trained, networks_updated_so(seed, seed / kinds % 2 == 0 ? short_bits : middle_bits,
                                       all_updates[kind], all_updates[(kind + seed) % kinds]));
    }
}

/// The networks of that test take every way that has code of its own.
TEST(PlainNetworks, RoundAndOverflowInEveryWay) {
  for (const Update& gradient : all_updates)
    for (const Update& master : all_updates) {
      int plain = 0;
      for (std::uint32_t seed = 0; seed < 12; ++seed)
        for (const NetworkSpec& spec :
             networks_updated_so(seed, short_bits, gradient, master).staged.networks) {
          if (!is_plain(spec)) continue;
          const NarrowArithmetic narrow = layer_arithmetic(spec)[0].narrow;
          ASSERT_EQ(narrow.overflows, gradient.overflow != master.overflow  ? Overflows::any
                                      : gradient.overflow == Overflow::wrap ? Overflows::wrap
                                                                            : Overflows::saturate);
          ASSERT_EQ(narrow.added, std::max(narrow.gradient.added(), narrow.master.added()));
          plain += narrow.gradient.shift > 0 && narrow.master.shift > 0;
        }
      EXPECT_GT(plain, 10);
    }
}

/// Random networks whose layers have multiples of four units, updated after every sample and
/// rounded at random.
RandomNetworks networks_in_fours(std::uint32_t seed, RandomBits bits) {
  RandomNetworks networks = random_networks(seed, bits);
  std::vector<std::uint32_t> units = networks.staged.networks.front().units;
  for (std::size_t layer = 1; layer < units.size(); ++layer)
    units[layer] = (units[layer] + 3) / 4 * 4;
  if (units.front() < 8 && seed % 2 == 1) units = {units.front(), 240};  // more fours than lanes
  networks.dataset->classes = units.back();
  networks.staged.normals = some_normals(units, seed);
  for (std::size_t i = 0; i < networks.staged.networks.size(); ++i) {
    NetworkSpec& spec = networks.staged.networks[i];
    spec.units = units;
    spec.batch = 1;
    if (i % 3 != 1) spec.formats.gradient.round = Round::stochastic;
    const bool has_copies = spec.formats.has_copies();
    if (i % 3 != 2) spec.formats.master.round = Round::stochastic;
    if (!has_copies) spec.formats.weight = spec.formats.master;
  }
  return networks;
}

TEST_F(CudaGeneral, UpdatesFourWeightsAtRandomAtOnce) {
  for (std::uint32_t seed = 0; seed < seeds(16) && !HasFailure(); ++seed)
    for (const RandomBits bits : {short_bits, middle_bits}) {
      BatchedEngine trained = engine(seed % 4 == 3 ? no_shared_memory() : Tuning{}, seed);
      expect_same_as_reference(trained, networks_in_fours(seed, bits));
    }
}

/// The networks of that test are updated so, in every way.
TEST(NetworksInFours, AreRoundedAtRandomInEveryWay) {
  int of_kind[3] = {}, copies = 0, more_than_lanes = 0;
  for (std::uint32_t seed = 0; seed < 16; ++seed)
    for (const RandomBits bits : {short_bits, middle_bits})
      for (const NetworkSpec& spec : networks_in_fours(seed, bits).staged.networks)
        for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
          if (least_in_fours(spec, layer) > spec.units_of(layer)) continue;
          ++of_kind[static_cast<int>(device_network(spec).rounds_at_random)];
          copies += spec.formats.has_copies();
          const NetworkPlaces places(spec.units, weight_bytes(spec), most_network_lanes);
          more_than_lanes += spec.units_of(layer) / 4 > places.lanes;
        }
  EXPECT_EQ(of_kind[static_cast<int>(AtRandom::none)], 0);
  EXPECT_GT(of_kind[static_cast<int>(AtRandom::one)], 10);
  EXPECT_GT(of_kind[static_cast<int>(AtRandom::both)], 10);
  EXPECT_GT(copies, 10);
  EXPECT_GT(more_than_lanes, 10);
}

TEST_F(CudaGeneral, CountsWhatTheReferenceCounts) {
  for (std::uint32_t seed = 200; seed < 200 + seeds(12) && !HasFailure(); ++seed)
    for (const RandomBits bits : {short_bits, middle_bits, all_bits}) {
      RandomNetworks networks = random_networks(seed, bits);
      networks.staged.diagnose = true;
      BatchedEngine trained = engine(seed % 2 == 0 ? Tuning{} : no_shared_memory(), seed);
      expect_same_as_reference(trained, networks);
    }
}

TEST_F(CudaGeneral, TrainsInBatchesOfNetworksWhereMemoryIsShort) {
  const RandomNetworks networks = random_networks(9, short_bits);
  Tuning tuning;
  tuning.memory = 1;  // for one network at a time
  BatchedEngine trained = engine(tuning);
  expect_same_as_reference(trained, networks);
  EXPECT_EQ(trained.record().batches, networks.staged.networks.size());
  BatchedEngine at_once = engine();
  expect_same_as_reference(at_once, networks);
  EXPECT_LT(at_once.record().batches, networks.staged.networks.size());
}

/// By one unit and by two, by all warps of a block and by some.
TEST_F(CudaGeneral, LayersByWarpsAgreeWithReference) {
  int idle_for_each = 0, idle_for_pairs = 0;
  std::uint32_t seed = 400;
  for (const std::vector<std::uint32_t>& units : std::vector<std::vector<std::uint32_t>>{
           {257, 30, 10}, {200, 6}, {257, 60, 10}, {150, 40, 2}})
    for (const RandomBits bits : {short_bits, middle_bits, all_bits}) {
      RandomNetworks networks = random_networks(seed, bits, units);
      networks.staged.iterations = 12;
      for (NetworkSpec& spec : networks.staged.networks) {
        spec.batch = 1;
        const NetworkPlaces places =
            lay_out(units, kind_of(spec, false), false, DeviceLimits{1, 227 << 10, 228 << 10}, 1)
                .places;
        for (const LayerPlace& at : places.layers) {
          const bool some_idle = at.by_warps && at.units / at.width < places.lanes / warp_lanes;
          (at.width == 1 ? idle_for_each : idle_for_pairs) += some_idle;
        }
      }
      BatchedEngine trained = engine({}, seed++);
      expect_same_as_reference(trained, networks);
    }
  EXPECT_GT(idle_for_each, 10);
  EXPECT_GT(idle_for_pairs, 10);
}

TEST_F(CudaGeneral, TrainsSomeAtOnceWhereThereAreMany) {
  RandomNetworks networks = random_networks(500, short_bits, {784, 80, 10});
  StagedSweep& sweep = networks.staged;
  sweep.iterations = 10;
  NetworkSpec spec = sweep.networks.front();
  for (Format* format : in_order(spec.formats)) *format = Format{16, 8, Round::nearest_even};
  spec.formats.accumulator = Format{};
  spec.lr = 3;
  spec.batch = 1;
  sweep.networks.assign(5, spec);
  const NetworkKind kind = kind_of(spec, false);
  ASSERT_TRUE(kind.plain);
  Tuning tuning;
  tuning.limits = DeviceLimits{1, 227 << 10, 228 << 10};
  BatchedEngine at_once = engine(tuning);
  expect_same_as_reference(at_once, networks);
  EXPECT_EQ(at_once.record().general, 5U);
  EXPECT_EQ(at_once.record().global, 5U);  // two have no room beside each other
  // With memory for four they are the more than three that are laid out so; the fifth is alone.
  const std::vector<std::size_t> all = {0, 1, 2, 3, 4};
  const auto memory_for = [&](std::size_t count, std::size_t laid_out) {
    const NetworkLayout layout = lay_out(spec.units, kind, false, *tuning.limits, laid_out);
    std::uint64_t memory = 1 << 10;
    while (networks_that_fit(sweep, all, kind, layout, memory) < count) memory += 1 << 10;
    return memory;
  };
  tuning.memory = memory_for(4, 4);
  BatchedEngine four = engine(tuning);
  expect_same_as_reference(four, networks);
  EXPECT_EQ(four.record().general, 5U);
  EXPECT_EQ(four.record().global, 4U);
  tuning.memory = memory_for(3, 3);
  BatchedEngine three = engine(tuning);
  expect_same_as_reference(three, networks);
  EXPECT_EQ(three.record().general, 5U);
  EXPECT_EQ(three.record().global, 0U);
}

TEST_F(CudaGeneral, StopsSoon) {
  const RandomNetworks networks = random_networks(3, short_bits);
  BatchedEngine trained = engine();
  Progress progress;
  progress.stop();
  EXPECT_THROW(trained.train(networks.staged, progress), Interrupted);
  EXPECT_EQ(progress.done(), 0U);
}

}  // namespace
}  // namespace gridrun::cuda
