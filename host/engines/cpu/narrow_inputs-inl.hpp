// What a pass over a sample in 32-bit lanes multiplies by.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_NARROW_INPUTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_NARROW_INPUTS_INL_HPP
#undef GRIDRUN_HOST_NARROW_INPUTS_INL_HPP
#else
#define GRIDRUN_HOST_NARROW_INPUTS_INL_HPP
#endif

#include <hwy/highway.h>

#include "engines/cpu/neuron.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The odd lanes where the even ones were.
template <class V>
HWY_INLINE V odd_to_even(V v) {
  const hn::DFromV<V> d;
  const hn::RepartitionToWide<hn::RebindToUnsigned<decltype(d)>> wide;
  return hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, v)));
}

/// The inputs of a sample: one for all lanes, or with several fractions one for each.
template <bool kOneFraction>
struct Inputs {
  const std::int32_t* x;  // [value], or [value][lane]

  HWY_INLINE Inputs(const std::vector<std::int32_t>& inputs, const SparseSample& sample)
      : x(inputs.data() + sample.first_value * (kOneFraction ? 1 : group_lanes)) {}

  /// Those of the lanes from `lane` on.
  template <class D>
  HWY_INLINE hn::Vec<D> get(D d, std::uint32_t value, std::size_t lane) const {
    if constexpr (kOneFraction)
      return hn::Set(d, x[value]);
    else
      return hn::LoadU(d, x + value * group_lanes + lane);
  }
  template <class V>
  HWY_INLINE V odd(V all) const {
    if constexpr (kOneFraction)
      return all;
    else
      return odd_to_even(all);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
