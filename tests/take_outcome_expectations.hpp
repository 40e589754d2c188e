// What every engine must do with the outcomes that it hands over.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <utility>
#include <vector>

#include "gridrun/engine.hpp"
#include "test_sweep.hpp"

namespace gridrun {

struct TakeFailed {};

inline std::uint64_t all_steps(const StagedSweep& sweep) {
  return std::uint64_t{sweep.iterations} * sweep.networks.size();
}

/// Every outcome is handed over once, and is the reference's.
inline void expect_taken_once_each(Engine& engine, const StagedSweep& sweep) {
  std::vector<std::atomic<int>> times(sweep.networks.size());
  Outcomes outcomes(sweep.networks.size());
  Progress progress;
  engine.train(sweep, progress, [&](std::size_t n, Outcome outcome) {
    ++times.at(n);
    outcomes[n] = std::move(outcome);
  });
  for (std::size_t n = 0; n < times.size(); ++n) EXPECT_EQ(times[n], 1) << n;
  EXPECT_TRUE(outcomes == reference_outcomes(sweep));
  EXPECT_EQ(progress.done(), all_steps(sweep));
}

/// A stop when the first outcome is taken ends the training; until then so many steps are done at
/// most.
inline void expect_interrupted_early(Engine& engine, const StagedSweep& sweep,
                                     std::uint64_t most_steps) {
  std::atomic<std::size_t> taken = 0;
  Progress progress;
  EXPECT_THROW(engine.train(sweep, progress,
                            [&](std::size_t, const Outcome&) {
                              ++taken;
                              progress.stop();
                            }),
               Interrupted);
  EXPECT_GT(taken, 0U);
  EXPECT_LT(taken, sweep.networks.size());
  EXPECT_LE(progress.done(), most_steps);
}

/// What `take` throws leaves train() when no thread takes or trains any more; until then so many
/// steps are done at most. Threads that went on would use what is no longer there.
inline void expect_ended_by_take(Engine& engine, const StagedSweep& sweep,
                                 std::uint64_t most_steps) {
  std::atomic<int> begun = 0, ended = 0;
  Progress progress;
  EXPECT_THROW(engine.train(sweep, progress,
                            [&](std::size_t, const Outcome&) {
                              ++begun;
                              const struct AtEnd {
                                std::atomic<int>& count;
                                ~AtEnd() { ++count; }
                              } at_end{ended};
                              throw TakeFailed();
                            }),
               TakeFailed);
  EXPECT_GT(begun, 0);
  EXPECT_EQ(begun, ended);
  EXPECT_LE(progress.done(), most_steps);
}

}  // namespace gridrun
