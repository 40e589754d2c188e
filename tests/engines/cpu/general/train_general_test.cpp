#include <gtest/gtest.h>

#include <algorithm>

#include "cpu_engine_expectations.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "random_network.hpp"
#include "sanitizers.hpp"

namespace gridrun {
namespace {

TEST(TrainGeneral, ReturnsWhatTheReferenceReturns) {
  GeneralStatistics statistics;
  for (const RandomBits bits : {RandomBits{8, 16}, {2, 24}, {2, 64}})
    for (std::uint32_t seed = 0; seed < random_rounds(30); ++seed) {
      const RandomNetworks sweep = random_networks(seed, bits);
      expect_as_reference(sweep.staged, sweep.description, 1 + seed % 3, statistics);
    }
  EXPECT_GT(statistics.shared_draws, 0U);
  EXPECT_GT(statistics.networks_16, 0U);
  EXPECT_GT(statistics.networks_32, 0U);
  EXPECT_GT(statistics.networks_64, 0U);
}

TEST(TrainGeneral, CountsWhatTheReferenceCounts) {
  GeneralStatistics statistics;
  for (const RandomBits bits : {RandomBits{2, 16}, {8, 16}, {16, 16}, {2, 24}, {2, 64}, {60, 64}})
    for (std::uint32_t seed = 0; seed < random_rounds(15); ++seed) {
      RandomNetworks sweep = random_networks(seed, bits);
      sweep.staged.diagnose = true;
      expect_as_reference(sweep.staged, sweep.description, 1 + seed % 3, statistics);
      if (HasFailure()) return;
    }
  EXPECT_GT(statistics.counted_in_range, 0U);
  EXPECT_GT(statistics.counted_any, 0U);
}

TEST(TrainGeneral, StopsSoon) {
  const RandomNetworks sweep = random_networks(1, {8, 16});
  Progress progress;
  progress.stop();
  EXPECT_THROW(CpuEngine(2).train(sweep.staged, progress), Interrupted);
  EXPECT_EQ(progress.done(), 0U);
}

TEST(TrainGeneral, NetworksThemselvesStop) {
  RandomNetwork given = random_network(1, {8, 8});
  given.spec.batch = 2;
  const std::uint32_t index = 0;
  const std::int32_t x = 0;
  const LabelledInputs<std::int32_t> sample{{&index, &index, &x, 0, {}, 0}, 0};
  Bits right(1);
  Progress progress;
  progress.stop();
  for (const auto make : {make_network_32, make_guarded_network})
    EXPECT_THROW(make(given.spec, given.weights)->train({&sample, 1}, {}, 0, right, progress),
                 Interrupted);
}

}  // namespace
}  // namespace gridrun
