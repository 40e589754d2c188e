// Networks in 64-bit words. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/network_64.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/network-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

/// Owned by the caller.
GeneralNetwork<std::int64_t>* new_network_64(const NetworkSpec& spec, const Weights& weights) {
  return new Network<std::int64_t, WideKernels<NoCounts>>(spec, weights);
}

/// Owned by the caller.
GeneralNetwork<std::int64_t>* new_diagnosed_network_64(const NetworkSpec& spec,
                                                       const Weights& weights) {
  return new Network<std::int64_t, WideKernels<LayerCounts>>(spec, weights);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(new_network_64);
HWY_EXPORT(new_diagnosed_network_64);
}  // namespace

std::unique_ptr<GeneralNetwork<std::int64_t>> make_network_64(const NetworkSpec& spec,
                                                              const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int64_t>>(
      HWY_DYNAMIC_DISPATCH(new_network_64)(spec, weights));
}

std::unique_ptr<GeneralNetwork<std::int64_t>> make_diagnosed_network_64(const NetworkSpec& spec,
                                                                        const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int64_t>>(
      HWY_DYNAMIC_DISPATCH(new_diagnosed_network_64)(spec, weights));
}

}  // namespace gridrun
#endif
