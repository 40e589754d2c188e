#include <gtest/gtest.h>

#include <algorithm>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/reference/reference_engine.hpp"
#include "random_network.hpp"
#include "simd_targets.hpp"

namespace gridrun {
namespace {

/// A sweep and the data set that it points to.
struct RandomSweep {
  Dataset dataset;
  StagedSweep staged;
};

/// Networks of the layers of one random network, each of which has its own formats and the rest.
void make_sweep(std::uint32_t seed, RandomBits bits, RandomSweep& sweep) {
  const RandomNetwork first = random_network(seed, bits);
  sweep.dataset = first.dataset;
  StagedSweep& staged = sweep.staged;
  staged.dataset = &sweep.dataset;
  const auto samples = static_cast<std::uint32_t>(sweep.dataset.samples);
  for (std::uint32_t i = 0; i < samples; ++i) staged.order.push_back(samples - 1 - i);
  for (std::uint32_t i = 0; i < samples; i += 2) staged.held_out.push_back(i);
  staged.iterations = 80;
  staged.keep_weights = seed % 2 == 0;
  for (std::uint32_t i = 0; i < 5 + seed % 10; ++i) {
    NetworkSpec spec = random_network(1000 * seed + i / (1 + seed % 3), bits).spec;
    spec.units = first.spec.units;
    spec.init.std = 30.0;
    if (spec.batch == 3) spec.batch = 4;  // batches divide the iterations
    spec.rounding_seed = i % 2;
    staged.networks.push_back(spec);
  }
  std::size_t weights = 0;
  for (std::size_t layer = 0; layer < first.spec.layers(); ++layer)
    weights += first.spec.inputs_of(layer) * first.spec.units_of(layer);
  for (std::size_t i = 0; i < weights; ++i)
    staged.normals.push_back(std::remainder(static_cast<double>(i + seed) * 0.618, 1.0) * 4);
}

TEST(TrainGeneral, ReturnsWhatTheReferenceReturns) {
  GeneralStatistics statistics;
  for (const RandomBits bits : {RandomBits{8, 16}, {2, 24}, {2, 64}})
    for (std::uint32_t seed = 0; seed < 30; ++seed) {
      RandomSweep sweep;
      make_sweep(seed, bits, sweep);
      Progress reference_progress;
      const Outcomes expected = ReferenceEngine(1).train(sweep.staged, reference_progress);
      for (const std::int64_t target : simd_targets()) {
        const OnlyTarget only(target);
        Progress progress;
        CpuEngine engine(1 + seed % 3);
        EXPECT_TRUE(engine.train(sweep.staged, progress) == expected)
            << "seed " << seed << ", " << bits.least << " to " << bits.most << " bits, "
            << hwy::TargetName(target);
        EXPECT_EQ(progress.done(), reference_progress.done());
        statistics += engine.general_statistics();
      }
    }
  EXPECT_GT(statistics.shared_draws, 0U);
  EXPECT_GT(statistics.networks_16, 0U);
  EXPECT_GT(statistics.networks_32, 0U);
  EXPECT_GT(statistics.networks_64, 0U);
}

TEST(TrainGeneral, StopsSoon) {
  RandomSweep sweep;
  make_sweep(1, {8, 16}, sweep);
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
  const LabelledInputs<std::int32_t> sample{{&index, &index, &x, 0, 0, 0}, 0};
  Bits right(1);
  Progress progress;
  progress.stop();
  for (const auto make : {make_network_32, make_guarded_network})
    EXPECT_THROW(make(given.spec, given.weights)->train({&sample, 1}, {}, 0, right, progress),
                 Interrupted);
}

}  // namespace
}  // namespace gridrun
