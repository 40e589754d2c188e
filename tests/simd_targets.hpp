// The SIMD targets of the cpu engine, to be forced one after the other in tests and benchmarks.
#pragma once

#include <hwy/targets.h>

#include <cstdint>
#include <vector>

#include "engines/cpu/neuron.hpp"

namespace gridrun {

/// The SIMD targets that this machine can run, of those that are built.
inline std::vector<std::int64_t> simd_targets() {
  std::vector<std::int64_t> targets;
  for (std::int64_t target = 1; target < std::int64_t{1} << 62; target *= 2)
    if (hwy::SupportedTargets() & built_simd_targets() & target) targets.push_back(target);
  return targets;
}

/// Forces one SIMD target while it lives.
class OnlyTarget {
 public:
  explicit OnlyTarget(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~OnlyTarget() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

}  // namespace gridrun
