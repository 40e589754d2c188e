#include <gtest/gtest.h>

#include <algorithm>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/reference/reference_engine.hpp"
#include "random_network.hpp"
#include "simd_targets.hpp"

namespace gridrun {
namespace {

TEST(TrainGeneral, ReturnsWhatTheReferenceReturns) {
  GeneralStatistics statistics;
  for (const RandomBits bits : {RandomBits{8, 16}, {2, 24}, {2, 64}})
    for (std::uint32_t seed = 0; seed < 30; ++seed) {
      const RandomNetworks sweep = random_networks(seed, bits);
      Progress reference_progress;
      const Outcomes expected = ReferenceEngine(1).train(sweep.staged, reference_progress);
      for (const std::int64_t target : simd_targets()) {
        const OnlyTarget only(target);
        Progress progress;
        CpuEngine engine(1 + seed % 3);
        EXPECT_TRUE(engine.train(sweep.staged, progress) == expected)
            << sweep.description << ", " << hwy::TargetName(target);
        EXPECT_EQ(progress.done(), reference_progress.done());
        statistics += engine.general_statistics();
      }
    }
  EXPECT_GT(statistics.shared_draws, 0U);
  EXPECT_GT(statistics.networks_16, 0U);
  EXPECT_GT(statistics.networks_32, 0U);
  EXPECT_GT(statistics.networks_64, 0U);
}

TEST(TrainGeneral, CountsWhatTheReferenceCounts) {
  for (const RandomBits bits : {RandomBits{2, 16}, {8, 16}, {16, 16}, {2, 24}, {2, 64}, {60, 64}})
    for (std::uint32_t seed = 0; seed < 15; ++seed) {
      RandomNetworks sweep = random_networks(seed, bits);
      sweep.staged.diagnose = true;
      Progress reference_progress;
      const Outcomes expected = ReferenceEngine(1).train(sweep.staged, reference_progress);
      for (const std::int64_t target : simd_targets()) {
        const OnlyTarget only(target);
        Progress progress;
        EXPECT_TRUE(CpuEngine(1 + seed % 3).train(sweep.staged, progress) == expected)
            << sweep.description << ", " << hwy::TargetName(target);
      }
      if (HasFailure()) return;
    }
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
