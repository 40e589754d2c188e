// Part 3 of docs/arithmetic.md, fit, in SIMD lanes.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_FIT_LANES_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_FIT_LANES_INL_HPP
#undef GRIDRUN_HOST_FIT_LANES_INL_HPP
#else
#define GRIDRUN_HOST_FIT_LANES_INL_HPP
#endif

#include <hwy/highway.h>

#include <type_traits>

#include "engines/cpu/general/rounding.hpp"
#include "gridrun/format.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Quotients of a right shift made roundings: `rest` is what was shifted out, `sign` is negative
/// where V is. kRound is a Round that is known when this is compiled, or any_round. `random` is R,
/// which only a stochastic rounding reads.
template <int kRound, class D, class V = hn::Vec<D>>
HWY_INLINE V round_quotient(D d, V quotient, V rest, V sign,
                            const Rounding<hn::TFromD<D>>& rounding, V random) {
  constexpr bool any = kRound == any_round;
  const auto is = [](Round round) { return kRound == static_cast<int>(round); };
  if (is(Round::floor)) return quotient;
  V threshold = hn::Set(d, rounding.threshold);
  if (any || is(Round::toward_zero) || is(Round::nearest_away))
    threshold = hn::Add(threshold,
                        hn::And(hn::BroadcastSignBit(sign), hn::Set(d, rounding.more_if_negative)));
  if (any || is(Round::nearest_even))
    threshold = hn::Sub(threshold, hn::And(quotient, hn::Set(d, rounding.less_if_odd)));
  if (any || is(Round::stochastic)) threshold = hn::Sub(threshold, random);
  return hn::Sub(quotient, hn::VecFromMask(d, hn::Gt(rest, threshold)));
}

/// Lanes shifted right and rounded.
template <int kRound, class D, class V = hn::Vec<D>>
HWY_INLINE V round_lanes(D d, V value, const Rounding<hn::TFromD<D>>& rounding, V random) {
  return round_quotient<kRound>(d, hn::ShiftRightSame(value, rounding.shift),
                                hn::And(value, hn::Set(d, rounding.mask)), value, rounding, random);
}

/// Lanes brought into the range of a format's words.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V overflow_lanes(D d, V value, const WordRange<hn::TFromD<D>>& range) {
  if (range.wraps)
    return hn::ShiftRightSame(hn::ShiftLeftSame(value, range.spare_bits), range.spare_bits);
  return hn::Min(hn::Max(value, hn::Set(d, range.smallest)), hn::Set(d, range.largest));
}

using Wide = hn::ScalableTag<std::int64_t>;
using WideU = hn::RebindToUnsigned<Wide>;
using VWide = hn::Vec<Wide>;

/// Words brought to 64-bit lanes, and back.
template <class Word>
HWY_INLINE VWide load_wide(const Word* from) {
  const Wide d;
  if constexpr (sizeof(Word) == 8) {
    return hn::LoadU(d, from);
  } else {
    const hn::Rebind<std::int32_t, Wide> d32;
    if constexpr (sizeof(Word) == 4)
      return hn::PromoteTo(d, hn::LoadU(d32, from));
    else
      return hn::PromoteTo(d,
                           hn::PromoteTo(d32, hn::LoadU(hn::Rebind<std::int16_t, Wide>(), from)));
  }
}

template <class Word>
HWY_INLINE void store_wide(VWide value, Word* to) {
  const WideU du;
  if constexpr (sizeof(Word) == 8) {
    hn::StoreU(value, Wide(), to);
  } else {
    const hn::Rebind<std::make_unsigned_t<Word>, WideU> narrow;
    hn::StoreU(hn::TruncateTo(narrow, hn::BitCast(du, value)), narrow,
               reinterpret_cast<std::make_unsigned_t<Word>*>(to));
  }
}

/// The low 64 bits of products.
HWY_INLINE VWide multiply_wide(VWide a, VWide b) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  return VWide{_mm512_mullo_epi64(a.raw, b.raw)};
#else
  const WideU du;
  const hn::Repartition<std::uint32_t, WideU> d32;
  const auto low = [&](auto x, auto y) {
    return hn::MulEven(hn::BitCast(d32, x), hn::BitCast(d32, y));
  };
  const auto x = hn::BitCast(du, a), y = hn::BitCast(du, b);
  const auto cross = hn::Add(low(hn::ShiftRight<32>(x), y), low(x, hn::ShiftRight<32>(y)));
  return hn::BitCast(Wide(), hn::Add(low(x, y), hn::ShiftLeft<32>(cross)));
#endif
}

/// R of an n-bit stochastic rounding, from random words.
HWY_INLINE VWide random_wide(const std::uint32_t* words, int n, int random_bits) {
  const WideU du;
  const auto word = hn::PromoteTo(du, hn::LoadU(hn::Rebind<std::uint32_t, WideU>(), words));
  const auto top = hn::ShiftRightSame(word, 32 - random_bits);
  return hn::BitCast(Wide(), n >= random_bits ? hn::ShiftLeftSame(top, n - random_bits)
                                              : hn::ShiftRightSame(top, random_bits - n));
}

/// A value at a scale brought to a format's fraction, in 64-bit lanes; then, with `fit`, into the
/// range of its words too.
class WideFit {
 public:
  WideFit(int scale, const Format& format)
      : shift_(scale - format.fraction),
        rounding_(shift_ > 0 ? shift_ : 1, format.round),
        range_(format),
        random_bits_(format.random_bits),
        draws_(shift_ > 0 && format.round == Round::stochastic) {
    if (shift_ > 0 || range_.wraps) return;
    largest_ = shift_ < -63 ? 0 : range_.largest >> -shift_;
    const std::uint64_t below = shift_ < -63 ? 0 : magnitude(range_.smallest) >> -shift_;
    smallest_ = static_cast<std::int64_t>(std::uint64_t{0} - below);
  }

  int shift() const { return shift_; }
  /// Whether it reads random words.
  bool draws() const { return draws_; }

  HWY_INLINE VWide round(VWide value, const std::uint32_t* words) const {
    const Wide d;
    if (shift_ > 0) {
      const VWide random = draws_ ? random_wide(words, shift_, random_bits_) : hn::Zero(d);
      return round_lanes<any_round>(d, value, rounding_, random);
    }
    return shift_ < -63 ? hn::Zero(d) : hn::ShiftLeftSame(value, -shift_);
  }

  HWY_INLINE VWide fit(VWide value, const std::uint32_t* words) const {
    return overflow(value, round(value, words));
  }

  /// The same, and counts the values before they overflow.
  template <class ValueCounts>
  HWY_INLINE VWide fit(VWide value, const std::uint32_t* words, ValueCounts& counts) const {
    const VWide rounded = round(value, words);
    counts.add(shift_ > 0 ? rounded : value);
    return overflow(value, rounded);
  }

 private:
  /// What is rounded, or shifted to the left, brought into the range of the format's words.
  HWY_INLINE VWide overflow(VWide value, VWide rounded) const {
    const Wide d;
    const VWide result = overflow_lanes(d, rounded, range_);
    if (shift_ >= 0 || range_.wraps) return result;
    // A left shift saturates by the exact value.
    const VWide not_above =
        hn::IfThenElse(hn::Gt(value, hn::Set(d, largest_)), hn::Set(d, range_.largest), result);
    return hn::IfThenElse(hn::Lt(value, hn::Set(d, smallest_)), hn::Set(d, range_.smallest),
                          not_above);
  }

  int shift_;  // right, or left where negative
  Rounding<std::int64_t> rounding_;
  WordRange<std::int64_t> range_;
  int random_bits_;
  bool draws_;
  std::int64_t largest_ = 0, smallest_ = 0;  // what a saturating left shift leaves in range
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
