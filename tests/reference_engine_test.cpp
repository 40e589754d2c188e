#include "reference_engine.hpp"

#include <gtest/gtest.h>

#include "test_sweep.hpp"

namespace gridrun {
namespace {

TEST(ReferenceEngine, ThreadsDoNotChangeOutcomes) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    ReferenceEngine single(1);
    expect_same_as_reference(single, random_sweep(seed));
  }
}

TEST(ReferenceEngine, StopsWhenItsProgressIsStopped) {
  const TestSweep sweep = random_sweep(1);
  ReferenceEngine engine(2);
  Progress progress;
  progress.stop();
  EXPECT_THROW(engine.train(sweep.staged, progress), Interrupted);
  EXPECT_LE(progress.done(), 2U);
}

}  // namespace
}  // namespace gridrun
