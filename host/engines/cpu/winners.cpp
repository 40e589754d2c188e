// Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/winners.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "engines/cpu/winners.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// `best` and `index` are [step][lane].
void merge_target(const ActivationLog& log, double neuron, double* best, double* index) {
  const hn::CappedTag<double, group_lanes> d;
  const auto this_neuron = hn::Set(d, neuron);
  for (std::size_t i = 0; i < log.size(); ++i) {
    const std::size_t step = log.step(i) * group_lanes;
    for (std::size_t lane = 0; lane < group_lanes; lane += hn::Lanes(d)) {
      const auto a = hn::LoadU(d, log.activations(i) + lane);
      const auto old_best = hn::LoadU(d, best + step + lane);
      const auto old_index = hn::LoadU(d, index + step + lane);
      const auto better = hn::Or(hn::Gt(a, old_best), hn::And(hn::Eq(a, old_best),  //
                                                              hn::Lt(this_neuron, old_index)));
      hn::StoreU(hn::IfThenElse(better, a, old_best), d, best + step + lane);
      hn::StoreU(hn::IfThenElse(better, this_neuron, old_index), d, index + step + lane);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <limits>

namespace gridrun {
namespace {
HWY_EXPORT(merge_target);
}  // namespace

// With ReLU all activations are at least 0, and one of 0 wins only as neuron 0's: that is where the
// search may begin, and neurons need not say that they are 0.
Winners::Winners(std::size_t steps, Activation activation)
    : least_(activation == Activation::relu ? 0.0 : -std::numeric_limits<double>::infinity()),
      best_(steps * group_lanes),
      index_(steps * group_lanes) {
  clear();
}

void Winners::clear() {
  std::fill(best_.begin(), best_.end(), least_);
  std::fill(index_.begin(), index_.end(), 0);
}

void Winners::merge(const ActivationLog& log, std::size_t neuron) {
  HWY_DYNAMIC_DISPATCH(merge_target)(log, static_cast<double>(neuron), best_.data(), index_.data());
}

}  // namespace gridrun
#endif
