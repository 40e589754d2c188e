// What the engine `cpu` has to make of any sweep.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "simd_targets.hpp"

namespace gridrun {

/// Expects the outcomes of `reference` on every SIMD target, and adds to what was counted.
inline void expect_as_reference(const StagedSweep& sweep, const std::string& description,
                                unsigned threads, GeneralStatistics& statistics) {
  Progress reference_progress;
  const Outcomes expected = ReferenceEngine(2).train(sweep, reference_progress);
  for (const std::int64_t target : simd_targets()) {
    const OnlyTarget only(target);
    Progress progress;
    CpuEngine engine(threads);
    EXPECT_TRUE(engine.train(sweep, progress) == expected)
        << description << ", " << hwy::TargetName(target);
    EXPECT_EQ(progress.done(), reference_progress.done());
    statistics += engine.general_statistics();
  }
}

}  // namespace gridrun
