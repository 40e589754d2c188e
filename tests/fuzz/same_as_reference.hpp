// What targets that train a sweep require.
#pragma once

#include <string>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "fuzz.hpp"
#include "simd_targets.hpp"

namespace gridrun {

/// The cpu engine on so many threads returns the reference's outcomes on every SIMD target.
inline void require_same_as_reference(const StagedSweep& sweep, unsigned threads,
                                      const std::string& description) {
  Progress reference_progress;
  const Outcomes expected = ReferenceEngine(1).train(sweep, reference_progress);
  for (const std::int64_t target : simd_targets()) {
    const OnlyTarget only(target);
    Progress progress;
    const Outcomes outcomes = CpuEngine(threads).train(sweep, progress);
    require(outcomes == expected, fmt::format("cpu on {} returns what reference returns: {}",
                                              hwy::TargetName(target), description));
    require(progress.done() == reference_progress.done(), "progress counts every network's steps");
  }
}

}  // namespace gridrun
