// Kernels in 16-bit words: products of pairs of them sum up in 32 bits.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_SHORT_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_SHORT_LANES_INL_HPP
#undef GRIDRUN_HOST_SHORT_LANES_INL_HPP
#else
#define GRIDRUN_HOST_SHORT_LANES_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <numeric>

#include "engines/cpu/general/fit_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Short = hn::ScalableTag<std::int16_t>;
using Middle = hn::Repartition<std::int32_t, Short>;
using VShort = hn::Vec<Short>;
using VMiddle = hn::Vec<Middle>;

/// a[2i] b[2i] + a[2i+1] b[2i+1], wrapped to 32 bits.
HWY_INLINE VMiddle multiply_pairs(VShort a, VShort b) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  return VMiddle{_mm512_madd_epi16(a.raw, b.raw)};
#elif HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2
  return VMiddle{_mm256_madd_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  return VMiddle{_mm_madd_epi16(a.raw, b.raw)};
#else
  const Middle d;
  const VMiddle x = hn::BitCast(d, a), y = hn::BitCast(d, b);
  const auto even = [](VMiddle v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  return hn::Add(hn::Mul(even(x), even(y)), hn::Mul(hn::ShiftRight<16>(x), hn::ShiftRight<16>(y)));
#endif
}

/// A pair of words, as a 32-bit lane holds it.
HWY_INLINE std::int32_t pair_of(std::int16_t even, std::int16_t odd) {
  return static_cast<std::int32_t>(static_cast<std::uint16_t>(even) |
                                   static_cast<std::uint32_t>(static_cast<std::uint16_t>(odd))
                                       << 16);
}
HWY_INLINE VShort set_pairs(std::int32_t pair) {
  return hn::BitCast(Short(), hn::Set(Middle(), pair));
}

/// Two vectors of 32-bit lanes as InterleaveLower and InterleaveUpper order them, units of 128 bits
/// each: InterleaveLower's, then InterleaveUpper's of each 8 words. `store` puts them in order.
struct MiddlePair {
  VMiddle lower, upper;

  HWY_INLINE MiddlePair() : lower(hn::Zero(Middle())), upper(hn::Zero(Middle())) {}
  HWY_INLINE MiddlePair(VMiddle low, VMiddle up) : lower(low), upper(up) {}

  HWY_INLINE void store(std::int32_t* HWY_RESTRICT to) const {
    const Middle d;
    if constexpr (hn::MaxLanes(d) == 4) {
      hn::StoreU(lower, d, to);
      hn::StoreU(upper, d, to + 4);
    } else if constexpr (hn::MaxLanes(d) == 8) {
      hn::StoreU(hn::ConcatLowerLower(d, upper, lower), d, to);
      hn::StoreU(hn::ConcatUpperUpper(d, upper, lower), d, to + 8);
    } else {
      HWY_ALIGN std::int32_t lowers[hn::MaxLanes(d)], uppers[hn::MaxLanes(d)];
      hn::Store(lower, d, lowers);
      hn::Store(upper, d, uppers);
      for (std::size_t i = 0; i < hn::MaxLanes(d); ++i) {
        to[i / 4 * 8 + i % 4] = lowers[i];
        to[i / 4 * 8 + i % 4 + 4] = uppers[i];
      }
    }
  }

  HWY_INLINE void add(const MiddlePair& other) {
    lower = hn::Add(lower, other.lower);
    upper = hn::Add(upper, other.upper);
  }

  HWY_INLINE void store(std::int64_t* HWY_RESTRICT to) const {
    HWY_ALIGN std::int32_t lanes[2 * hn::MaxLanes(Middle())];
    store(lanes);
    const Wide d;
    for (std::size_t i = 0; i < 2 * hn::Lanes(Middle()); i += hn::Lanes(d))
      hn::StoreU(load_wide(lanes + i), d, to + i);
  }
};

/// A sum of at most 32767 MiddlePairs: modulo 2^32, and of what each has above its low 16 bits.
/// What all have in these is the difference, less than 2^31, and so known although the sum is not.
struct SplitSum {
  MiddlePair sum, high;

  HWY_INLINE SplitSum() {}
  HWY_INLINE void add(const MiddlePair& pair) {
    sum.add(pair);
    high.add({hn::ShiftRight<16>(pair.lower), hn::ShiftRight<16>(pair.upper)});
  }

  HWY_INLINE void store(std::int64_t* HWY_RESTRICT to) const {
    HWY_ALIGN std::int32_t lows[2 * hn::MaxLanes(Middle())], highs[2 * hn::MaxLanes(Middle())];
    const auto low = [](VMiddle all, VMiddle above) {
      return hn::Sub(all, hn::ShiftLeft<16>(above));
    };
    MiddlePair(low(sum.lower, high.lower), low(sum.upper, high.upper)).store(lows);
    high.store(highs);
    const Wide d;
    for (std::size_t i = 0; i < 2 * hn::Lanes(Middle()); i += hn::Lanes(d))
      hn::StoreU(hn::Add(hn::ShiftLeft<16>(load_wide(highs + i)), load_wide(lows + i)), d, to + i);
  }
};

/// The sum of lanes, all of them unsigned.
HWY_INLINE std::uint64_t sum_of_lanes(VMiddle sums) {
  const WideU d;
  const auto pairs = hn::BitCast(d, sums);
  HWY_ALIGN std::uint64_t lanes[hn::MaxLanes(d)];
  hn::Store(hn::Add(hn::And(pairs, hn::Set(d, 0xffffffff)), hn::ShiftRight<32>(pairs)), d, lanes);
  return std::accumulate(lanes, lanes + hn::Lanes(d), std::uint64_t{0});
}
HWY_INLINE std::uint64_t sum_of_lanes(VShort sums) {
  const hn::RebindToUnsigned<Middle> d;
  const auto pairs = hn::BitCast(d, sums);
  return sum_of_lanes(hn::BitCast(
      Middle(), hn::Add(hn::And(pairs, hn::Set(d, 0xffff)), hn::ShiftRight<16>(pairs))));
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
