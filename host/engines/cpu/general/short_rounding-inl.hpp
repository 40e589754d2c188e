// How an update rounds in 16-bit words.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_SHORT_ROUNDING_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_SHORT_ROUNDING_INL_HPP
#undef GRIDRUN_HOST_SHORT_ROUNDING_INL_HPP
#else
#define GRIDRUN_HOST_SHORT_ROUNDING_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "engines/cpu/general/draws-inl.hpp"
#include "engines/cpu/general/short_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// How words overflow: what a kernel is compiled for. `any` is looked up at run time.
enum class Range { any, wrap_16, wrap, saturate_16, clamp };

inline Range range_of(const Format& format) {
  if (format.overflow == Overflow::wrap) return format.bits == 16 ? Range::wrap_16 : Range::wrap;
  return format.overflow == Overflow::saturate && format.bits == 16 ? Range::saturate_16
                                                                    : Range::clamp;
}

/// One for two formats: that of fewer bits holds for 16 too.
inline Range range_of(const Format& a, const Format& b) {
  const Range range = range_of(a), other = range_of(b);
  if (range == other) return range;
  const bool wraps = a.overflow == Overflow::wrap;
  if (wraps != (b.overflow == Overflow::wrap)) return Range::any;
  return wraps ? Range::wrap : Range::clamp;
}

constexpr bool has_constant(int round) { return rounding_constant<std::int32_t>(round, 2) != 0; }

/// Rounds u / 2^shift, shift at least 16: to -1 where u is below this, else to 0.
inline std::int16_t far_step_bound(int shift, Round round) {
  const auto half = static_cast<std::int16_t>(-0x8000);  // -1/2 where the shift is 16
  const bool tie_rounds_down = round == Round::nearest_down || round == Round::nearest_away;
  if (round == Round::floor) return 0;
  return static_cast<std::int16_t>(shift == 16 && tie_rounds_down ? half + 1 : half);
}

/// How u is shifted to be V of random_threshold where u / 2^n has n of 16 places or more.
struct FarShift {
  int high;                 // right, for V's highest half
  int low_left, low_right;  // for the lowest
  std::int16_t low_mask;    //

  explicit FarShift(int n)
      : high(std::min(n - 16, 15)),
        low_left(std::clamp(32 - n, 0, 15)),
        low_right(std::clamp(n - 32, 0, 15)),
        low_mask(n == 16 ? 0 : -1) {}
};

/// Whether a shift is by 16 places or more: what a kernel is compiled for.
enum class Far { no, yes, looked_up };

/// What one update needs, the same for all units.
struct Update {
  const std::uint32_t* index = nullptr;  // [row], which of the layer's it is
  const std::int32_t* pairs = nullptr;   // [row], x and `constant`, or 0 if that is wide;
                                         // stochastic, unless far: x twice. For one sample only
  std::size_t rows = 0;
  std::span<const Stretch> stretches{};  // of rows of one x, as in InputList
  std::int16_t* weights;                 // of the layer
  std::size_t stride;                    // of its rows
  RowNoise<std::uint16_t> for_gradient{}, for_master{};
  Rounding<std::int32_t> gradient;
  Rounding<std::int16_t> step;  // of 15 places where u is shifted far
  WordRange<std::int16_t> gradient_range, master_range;
  Round gradient_round, master_round;
  std::uint32_t gradient_bits, master_bits;  // the highest bits of a random word that count
  std::int32_t constant;                     // that is added to P before it is shifted
  bool constant_is_wide;                     // more than 16 bits
  bool draws_far;                            // P is shifted by 16 places or more, at random
  bool is_far;                               // u is shifted by 16 places or more
  std::int16_t far_bound;                    // far_step_bound
  FarShift far_shift;                        // of u
  bool has_copies;                           // of weights
  CopyLanes<std::int16_t> copy_lanes;        //
  bool updates_fit = false;                  // whether no u overflows, if that is known
  std::uint64_t far_dropped = 0;             // what each negative u drops beside `step`

  /// An update of all rows of a layer, before it has rows.
  Update(Layer<std::int16_t>& layer, const Format& of_gradient, const Format& of_master, int round)
      : weights(layer.master.get()),
        stride(layer.stride),
        gradient(layer.to_gradient.shift(), of_gradient.round),
        step(std::min(layer.to_step.shift(), 15), of_master.round),
        gradient_range(of_gradient),
        master_range(of_master),
        gradient_round(of_gradient.round),
        master_round(of_master.round),
        gradient_bits(highest_bits(of_gradient.random_bits)),
        master_bits(highest_bits(of_master.random_bits)),
        constant(rounding_constant<std::int32_t>(round, gradient.shift)),
        constant_is_wide(constant > 0x7fff),
        draws_far(gradient.shift >= 16 && of_gradient.round == Round::stochastic),
        is_far(layer.to_step.shift() > step.shift),
        far_bound(far_step_bound(layer.to_step.shift(), of_master.round)),
        far_shift(std::max(layer.to_step.shift(), 16)),
        has_copies(layer.has_copies),
        copy_lanes(layer.copy_lanes) {
    if (is_far) far_dropped = (std::uint64_t{1} << layer.to_step.shift()) - (1U << step.shift);
  }

  /// The same for some of its rows.
  Update part(std::size_t first, std::size_t count) const {
    Update part = *this;
    part.index += first;
    if (part.pairs != nullptr) part.pairs += first;
    part.for_gradient.place += first;
    part.for_master.place += first;
    part.rows = count;
    part.stretches = {};
    return part;
  }

  void count(GeneralStatistics& statistics) const {
    statistics.far_updates += gradient.shift >= 16;
    statistics.far_steps += is_far;
  }

  /// Whether u is shifted by 16 places or more; whether P is, at random.
  template <Far kFar>
  HWY_INLINE bool steps_far() const {
    return kFar == Far::looked_up ? is_far : kFar == Far::yes;
  }
  template <Far kFar>
  HWY_INLINE bool updates_far() const {
    return kFar == Far::looked_up ? draws_far : kFar == Far::yes;
  }

  static std::uint32_t highest_bits(int bits) {
    return static_cast<std::uint32_t>(0xffffffff00000000U >> bits);
  }
};

/// P >> n rounded, given P plus the constant of the rounding, or plus R.
template <int kRound>
HWY_INLINE VMiddle round_products(VMiddle product, const Rounding<std::int32_t>& rounding) {
  const Middle d;
  const auto is = [](Round round) { return kRound == static_cast<int>(round); };
  const hn::RebindToUnsigned<Middle> du;
  const auto shifted = [&](VMiddle v, int n) {
    return hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(du, v), n));
  };
  if (is(Round::nearest_even))  // half - 1 carries no tie; an odd quotient does
    product = hn::Add(product, hn::And(shifted(product, rounding.shift), hn::Set(d, 1)));
  if (is(Round::nearest_away))  // half - 1 carries no tie; a positive P does
    product = hn::Add(product, shifted(hn::Not(product), 31));
  if (is(Round::toward_zero))  // 2^n - 1 makes a negative one round up
    product = hn::Add(product, shifted(hn::BroadcastSignBit(product), 32 - rounding.shift));
  return hn::ShiftRightSame(product, rounding.shift);
}

template <Range kRange>
HWY_INLINE VShort into_range(VShort value, const WordRange<std::int16_t>& range) {
  const Short d;
  if constexpr (kRange == Range::wrap_16 || kRange == Range::saturate_16) return value;
  if constexpr (kRange == Range::wrap)
    return hn::ShiftRightSame(hn::ShiftLeftSame(value, range.spare_bits), range.spare_bits);
  if constexpr (kRange == Range::clamp)
    return hn::Min(hn::Max(value, hn::Set(d, range.smallest)), hn::Set(d, range.largest));
  return overflow_lanes(d, value, range);
}

/// Rounded quotients brought into the range of u.
template <Range kRange>
HWY_INLINE VShort into_words(VMiddle lower, VMiddle upper, const WordRange<std::int16_t>& range) {
  const auto low_half = [](VMiddle v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  if (kRange == Range::wrap || kRange == Range::wrap_16 || (kRange == Range::any && range.wraps)) {
    lower = low_half(lower);
    upper = low_half(upper);
  }
  return into_range<kRange>(hn::ReorderDemote2To(Short(), lower, upper), range);
}

template <Range kRange>
HWY_INLINE VShort add_words(VShort w, VShort step, const WordRange<std::int16_t>& range) {
  const bool wraps =
      kRange == Range::wrap || kRange == Range::wrap_16 || (kRange == Range::any && range.wraps);
  return into_range<kRange>(wraps ? hn::Add(w, step) : hn::SaturatedAdd(w, step), range);
}

/// 1 or -1 by the sign of each word.
HWY_INLINE VShort signs(VShort v) { return hn::Or(hn::BroadcastSignBit(v), hn::Set(Short(), 1)); }

using ShortU = hn::RebindToUnsigned<Short>;

/// R of 1 to 15 bits from the highest halves of random words of which the bits `bits` count.
HWY_INLINE VShort random_short(const std::uint16_t* words, std::uint32_t bits, int shift) {
  const ShortU d;
  const auto word =
      hn::And(hn::LoadU(d, words), hn::Set(d, static_cast<std::uint16_t>(bits >> 16)));
  return hn::BitCast(Short(), hn::ShiftRightSame(word, 16 - shift));
}

/// R of 16 to 30 bits, of units from j on in row i.
HWY_INLINE MiddlePair random_middles(const RowNoise<std::uint16_t>& noise, std::size_t i,
                                     std::size_t j, std::uint32_t bits, int shift) {
  const ShortU d;
  const hn::RebindToUnsigned<Middle> du;
  const std::uint16_t* const words = noise.row(i) + j;
  const auto high = hn::LoadU(d, words), low = hn::LoadU(d, words + noise.low_halves);
  const auto shifted = [&](hn::Vec<ShortU> halves) {
    const auto word = hn::And(hn::BitCast(du, halves), hn::Set(du, bits));
    return hn::BitCast(Middle(), hn::ShiftRightSame(word, 32 - shift));
  };
  return {shifted(hn::InterleaveLower(d, low, high)), shifted(hn::InterleaveUpper(d, low, high))};
}

/// Random rounding up by comparison: a value is rounded up where a random word is above the
/// threshold, both by halves, each less 2^15.
///
/// Let W be the word with only the bits that count, n the places of the shift, r = v mod 2^n.
/// - n <= 32: R is W / 2^(32-n) rounded down, so that r + R >= 2^n where r 2^(32-n) + W >= 2^32.
/// - n > 32, where |v| < 2^31: R is W 2^(n-32), and r is v or 2^n + v, so that r + R >= 2^n where
///   (v >> (n-32), modulo 2^32) + W >= 2^32.
///
/// With V = v 2^(32-n) or v >> (n-32), modulo 2^32, both are W > 2^32 - 1 - V. All bits of the word
/// may be compared in place of W's if the threshold has all bits set that do not count.
struct Threshold {
  VShort high, low;
};

/// Halves of random words, less 2^15.
HWY_INLINE VShort load_random(const std::uint16_t* halves) {
  const Short d;
  return hn::Xor(hn::LoadU(d, reinterpret_cast<const std::int16_t*>(halves)),
                 hn::Set(d, static_cast<std::int16_t>(-0x8000)));
}

/// -1 where random words are above a threshold, else 0, where some of their highest halves are
/// equal. That is seldom, but a call would keep the caller's sums out of registers.
HWY_INLINE VShort above_by_halves(VShort random, VShort high, const std::uint16_t* low_halves,
                                  VShort low) {
  const Short d;
  const auto above = hn::Gt(random, high);
  const auto above_low = hn::And(hn::Eq(random, high), hn::Gt(load_random(low_halves), low));
  return hn::VecFromMask(d, hn::Or(above, above_low));
}

/// -1 where random words are above a threshold, else 0: `words` are their highest halves, the
/// lowest are `low_halves` later. low() makes the threshold's lowest half, which is seldom.
template <class Low>
HWY_INLINE VShort rounded_up(const std::uint16_t* words, std::size_t low_halves, VShort high,
                             const Low& low) {
  const Short d;
  const VShort random = load_random(words);
  if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Eq(random, high))))
    return above_by_halves(random, high, words + low_halves, low());
  return hn::VecFromMask(d, hn::Gt(random, high));
}

/// A half of 2^32 - 1 - V, with the bits set that do not count, less 2^15.
HWY_INLINE VShort threshold_half(VShort v, std::uint32_t bits) {
  const Short d;
  return hn::Xor(hn::And(v, hn::Set(d, static_cast<std::int16_t>(bits))), hn::Set(d, 0x7fff));
}

/// Of P, shifted by `shift` places, 1 to 30.
HWY_INLINE Threshold random_threshold(VMiddle lower, VMiddle upper, std::uint32_t bits, int shift) {
  const Middle d;
  const auto whole = [&](VMiddle product) {
    const VMiddle v = hn::ShiftLeftSame(product, 32 - shift);
    return hn::Xor(hn::And(v, hn::Set(d, static_cast<std::int32_t>(bits))), hn::Set(d, 0x7fff7fff));
  };
  lower = whole(lower);
  upper = whole(upper);
  const auto low_half = [](VMiddle v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  return {hn::ReorderDemote2To(Short(), hn::ShiftRight<16>(lower), hn::ShiftRight<16>(upper)),
          hn::ReorderDemote2To(Short(), low_half(lower), low_half(upper))};
}

/// Of u, shifted as the update's steps are: the highest half.
template <Far kFar>
HWY_INLINE VShort step_threshold_high(const Update& update, VShort u) {
  const VShort v = update.steps_far<kFar>() ? hn::ShiftRightSame(u, update.far_shift.high)
                                            : hn::ShiftLeftSame(u, 16 - update.step.shift);
  return threshold_half(v, update.master_bits >> 16);
}

/// The lowest, where u is shifted by 16 places or more.
HWY_INLINE VShort step_threshold_low(const Update& update, VShort u) {
  const FarShift& shift = update.far_shift;
  const VShort v =
      hn::And(hn::ShiftRightSame(hn::ShiftLeftSame(u, shift.low_left), shift.low_right),
              hn::Set(Short(), shift.low_mask));
  return threshold_half(v, update.master_bits);
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
