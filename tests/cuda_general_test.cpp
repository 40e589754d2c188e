// Networks in general on the cuda engine against the reference engine, to the byte: the same tests
// over the emulation and on a GPU.
#include <gtest/gtest.h>

#include <string>

#include "cuda_test.hpp"
#include "engines/reference/reference_engine.hpp"
#include "general/network_plan.hpp"
#include "gridrun/tensor_formats.hpp"
#include "random_network.hpp"

namespace gridrun::cuda {
namespace {

/// Formats for weights of each word that there is.
constexpr RandomBits short_bits{2, 16}, middle_bits{10, 32}, all_bits{2, 64};

class CudaGeneral : public CudaTest {
 protected:
  static Outcomes reference_outcomes(const StagedSweep& sweep) {
    Progress progress;
    return ReferenceEngine(2).train(sweep, progress);
  }

  static void expect_same_as_reference(BatchedEngine& engine, const RandomNetworks& networks) {
    SCOPED_TRACE(networks.description);
    Progress progress;
    const Outcomes outcomes = engine.train(networks.staged, progress);
    const Outcomes expected = reference_outcomes(networks.staged);
    ASSERT_EQ(outcomes.size(), expected.size());
    for (std::size_t n = 0; n < outcomes.size() && !HasFailure(); ++n) {
      EXPECT_EQ(outcomes[n].right.words, expected[n].right.words) << n;
      EXPECT_EQ(outcomes[n].layers, expected[n].layers) << n;
      EXPECT_EQ(outcomes[n].weights_digest, expected[n].weights_digest) << n;
      EXPECT_EQ(outcomes[n].held_out_right.words, expected[n].held_out_right.words) << n;
      EXPECT_EQ(outcomes[n].diagnostics, expected[n].diagnostics) << n;
      EXPECT_TRUE(outcomes[n] == expected[n]) << n;
    }
    EXPECT_EQ(progress.done(),
              std::uint64_t{networks.staged.iterations} * networks.staged.networks.size());
  }

  /// Nothing is put into shared memory but the parts of sums.
  static Tuning no_shared_memory() {
    Tuning tuning;
    tuning.limits = DeviceLimits{1, 0, 0};
    return tuning;
  }

  static std::uint32_t seeds(std::uint32_t count) {
    return test_device_is_slow() ? count / 6 : count;
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

TEST_F(CudaGeneral, StopsSoon) {
  const RandomNetworks networks = random_networks(3, short_bits);
  BatchedEngine trained = engine();
  Progress progress;
  progress.stop();
  EXPECT_THROW(trained.train(networks.staged, progress), Interrupted);
  EXPECT_EQ(progress.done(), 0U);
}

TEST(NetworkPlan, PutsIntoSharedMemoryWhatFits) {
  const NetworkPlaces places({784, 100, 10});
  EXPECT_EQ(places.weights, 785U * 100 + 101 * 10 + 2);  // a whole number of 8 words
  const auto launch_in = [&](std::size_t shared, std::size_t word, bool in_batches) {
    DeviceLimits limits;
    limits.shared_of_block = shared;
    return choose_network_launch(places, word, in_batches, false, limits);
  };
  const NetworkLaunch whole = launch_in(227 << 10, 2, false);
  EXPECT_TRUE(whole.shared_weights && whole.shared_vectors);
  EXPECT_EQ(whole.lanes, static_cast<std::uint32_t>(most_network_lanes));
  EXPECT_EQ(whole.shared_bytes, 8 * (whole.lanes + places.vectors.words) + 2 * places.weights);
  const NetworkLaunch wide = launch_in(227 << 10, 4, false);
  EXPECT_TRUE(!wide.shared_weights && wide.shared_vectors);
  const NetworkLaunch batches = launch_in(227 << 10, 2, true);
  EXPECT_TRUE(batches.shared_weights && !batches.shared_vectors);
  const NetworkLaunch none = launch_in(8 << 10, 2, false);
  EXPECT_TRUE(!none.shared_weights && !none.shared_vectors);
}

TEST(NetworkPlan, TakesALaneForSomeWeights) {
  const auto lanes = [](const std::vector<std::uint32_t>& units) {
    return choose_network_launch(NetworkPlaces(units), 2, false, false, DeviceLimits{}).lanes;
  };
  EXPECT_EQ(lanes({1, 1}), 32U);
  EXPECT_EQ(lanes({784, 10}), 128U);
  EXPECT_EQ(lanes({784, 1000, 1000, 10}), static_cast<std::uint32_t>(most_network_lanes));
}

TEST(NetworkPlan, KeepsWeightsInTheShortestWordsOfTheirFormat) {
  NetworkSpec spec;
  for (const auto& [bits, bytes] : {std::pair{2, 2U}, {16, 2U}, {17, 4U}, {32, 4U}, {33, 8U}}) {
    for (Format* format : in_order(spec.formats)) format->bits = bits;
    spec.formats.accumulator.bits = 64;  // of sums, which have 64 bits in any case
    EXPECT_EQ(weight_bytes(spec), bytes) << bits;
  }
  for (Format* format : in_order(spec.formats)) format->bits = 16;
  spec.formats.error.bits = 33;
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
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.batch = 2; }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.lr = 0; }));   // no shift of u
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.lr = 32; }));  // a shift beyond the word
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.input.bits = 17; }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.gradient.bits = 32; }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.gradient.fraction = 16; }));
  EXPECT_TRUE(is_refused([](NetworkSpec& spec) { spec.formats.master.bits = 31; }));
}

}  // namespace
}  // namespace gridrun::cuda
