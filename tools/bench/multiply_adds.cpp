// Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/multiply_adds.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "engines/cpu/general/short_lanes-inl.hpp"
#include "tools/bench/multiply_adds.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

std::size_t multiply_add_here(std::size_t rounds) {
  const Short d;
  const auto a = [&](int value) { return hn::Set(d, static_cast<std::int16_t>(value)); };
  const VShort a0 = a(1), a1 = a(2), a2 = a(3), a3 = a(4), a4 = a(5), a5 = a(6), a6 = a(7),
               a7 = a(8);
  VShort b = a(5);
  VMiddle s0 = hn::Zero(Middle()), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (std::size_t i = 0; i < rounds; ++i) {
    s0 = hn::Add(s0, multiply_pairs(a0, b));
    s1 = hn::Add(s1, multiply_pairs(a1, b));
    s2 = hn::Add(s2, multiply_pairs(a2, b));
    s3 = hn::Add(s3, multiply_pairs(a3, b));
    s4 = hn::Add(s4, multiply_pairs(a4, b));
    s5 = hn::Add(s5, multiply_pairs(a5, b));
    s6 = hn::Add(s6, multiply_pairs(a6, b));
    s7 = hn::Add(s7, multiply_pairs(a7, b));
    b = hn::Add(b, a0);  // or the products would be made once
  }
  const VMiddle sums =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return rounds * 8 * hn::Lanes(d) + (hn::GetLane(sums) == 1);  // or there would be no sums
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(multiply_add_here);
}  // namespace

std::size_t multiply_add(std::size_t rounds) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_here)(rounds);
}

}  // namespace gridrun
#endif
