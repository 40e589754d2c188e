// Updates in 16-bit words, for each rounding and overflow.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_SHORT_UPDATE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_SHORT_UPDATE_INL_HPP
#undef GRIDRUN_HOST_SHORT_UPDATE_INL_HPP
#else
#define GRIDRUN_HOST_SHORT_UPDATE_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <numeric>
#include <span>

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

/// What is added to P before it is shifted.
constexpr std::int32_t rounding_constant(int round, int shift) {
  const int half = 1 << (shift - 1);
  switch (round) {
    case static_cast<int>(Round::nearest_up):
      return half;
    case static_cast<int>(Round::nearest_down):
    case static_cast<int>(Round::nearest_even):
    case static_cast<int>(Round::nearest_away):
      return half - 1;
    default:
      return 0;
  }
}

constexpr bool has_constant(int round) { return rounding_constant(round, 2) != 0; }

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
        constant(rounding_constant(round, gradient.shift)),
        constant_is_wide(constant > 0x7fff),
        draws_far(gradient.shift >= 16 && of_gradient.round == Round::stochastic),
        is_far(layer.to_step.shift() > step.shift),
        far_bound(far_step_bound(layer.to_step.shift(), of_master.round)),
        far_shift(std::max(layer.to_step.shift(), 16)) {
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
/// equal. Out of line, since that is seldom.
HWY_NOINLINE inline VShort above_by_halves(VShort random, VShort high,
                                           const std::uint16_t* low_halves, VShort low) {
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
template <bool kFar>
HWY_INLINE VShort step_threshold_high(const Update& update, VShort u) {
  const VShort v = kFar && update.is_far ? hn::ShiftRightSame(u, update.far_shift.high)
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

/// What kernels count: nothing; updates of which neither u nor w overflows; or any.
enum class Counting { none, in_range, any };

/// What updates counted. The least and the largest of values are also of 0.
struct UpdateCounts {
  std::uint64_t updates = 0, steps = 0;            // u and steps other than 0
  std::int64_t least_update = 0, most_update = 0;  // u before it overflows, if it was looked at
  std::int64_t least_weight = 0, most_weight = 0;  // w + step; or others of as many bits
  std::uint64_t overflowed_updates = 0, overflowed_weights = 0;
  std::int64_t excess = 0;  // what overflowing took from w + step, summed up
};

/// The sum of lanes, none of them negative.
template <class D>
std::uint64_t sum_of_lanes(D d, hn::Vec<D> sums) {
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(d)];
  hn::Store(sums, d, lanes);
  return std::accumulate(lanes, lanes + hn::Lanes(d), std::uint64_t{0});
}

/// What an update counts for one vector of units.
template <Counting kCounting>
struct UnitCounts {
  static constexpr bool any = kCounting == Counting::any;
  VShort updates, steps, least_update, most_update, least_weight, most_weight;

  HWY_INLINE UnitCounts() {
    updates = steps = least_update = most_update = least_weight = most_weight = hn::Zero(Short());
    if constexpr (any) {
      overflowed_weights = left_16_bits = hn::Zero(Short());
      least_quotient = most_quotient = overflowed_updates = excess = hn::Zero(Middle());
    }
  }

  /// Rounded quotients, of which u is made.
  HWY_INLINE void add_quotients(const Update& of, VMiddle lower, VMiddle upper) {
    if constexpr (any) {
      const Middle d;
      const VMiddle largest = hn::Set(d, of.gradient_range.largest);
      const VMiddle smallest = hn::Set(d, of.gradient_range.smallest);
      for (const VMiddle& some : {lower, upper}) {
        least_quotient = hn::Min(least_quotient, some);
        most_quotient = hn::Max(most_quotient, some);
        const auto overflows = hn::Or(hn::Gt(some, largest), hn::Lt(some, smallest));
        overflowed_updates = hn::Sub(overflowed_updates, hn::VecFromMask(d, overflows));
      }
    }
  }

  /// u of some rows, 0 ... 32767, if it is known to be in range.
  HWY_INLINE void add_updates(VShort u, VShort rows) {
    const Short d;
    updates = hn::Add(updates, hn::IfThenElseZero(hn::Ne(u, hn::Zero(d)), rows));
    add_ends(hn::IfThenElseZero(hn::Gt(rows, hn::Zero(d)), u));
  }
  HWY_INLINE void add_ends(VShort u) {
    least_update = hn::Min(least_update, u);
    most_update = hn::Max(most_update, u);
  }
  HWY_INLINE void add_update(VShort u) { updates = hn::Add(updates, is_not_zero(u)); }

  HWY_INLINE void add_steps(VShort step, VShort rows) {
    const Short d;
    steps = hn::Add(steps, hn::IfThenElseZero(hn::Ne(step, hn::Zero(d)), rows));
  }
  HWY_INLINE void add_step(VShort step) { steps = hn::Add(steps, is_not_zero(step)); }

  /// A weight, before and after.
  HWY_INLINE void add_weight(const Update& of, VShort before, VShort step, VShort after) {
    if constexpr (!any) {
      least_weight = hn::Min(least_weight, after);
      most_weight = hn::Max(most_weight, after);
    } else {
      const Short d;
      const VShort moved = hn::SaturatedAdd(before, step), one = hn::Set(d, 1);
      const auto leaves = hn::Ne(moved, hn::Add(before, step));
      const auto overflows =
          hn::Or(leaves, hn::Or(hn::Gt(moved, hn::Set(d, of.master_range.largest)),
                                hn::Lt(moved, hn::Set(d, of.master_range.smallest))));
      least_weight = hn::Min(least_weight, moved);
      most_weight = hn::Max(most_weight, moved);
      left_16_bits = hn::Or(left_16_bits, hn::VecFromMask(d, leaves));
      overflowed_weights = hn::Sub(overflowed_weights, hn::VecFromMask(d, overflows));
      const VMiddle all = hn::Add(multiply_pairs(before, one), multiply_pairs(step, one));
      excess = hn::Add(excess, hn::Sub(all, multiply_pairs(after, one)));
    }
  }

  void add_to(UpdateCounts& counts) const {
    const Short d;
    const hn::RebindToUnsigned<Short> du;
    counts.updates += sum_of_lanes(du, hn::BitCast(du, updates));
    counts.steps += sum_of_lanes(du, hn::BitCast(du, steps));
    const auto least = [](auto tag, auto v) -> std::int64_t {
      return hn::GetLane(hn::MinOfLanes(tag, v));
    };
    const auto most = [](auto tag, auto v) -> std::int64_t {
      return hn::GetLane(hn::MaxOfLanes(tag, v));
    };
    counts.least_update = std::min(counts.least_update, least(d, least_update));
    counts.most_update = std::max(counts.most_update, most(d, most_update));
    counts.least_weight = std::min(counts.least_weight, least(d, least_weight));
    counts.most_weight = std::max(counts.most_weight, most(d, most_weight));
    if constexpr (any) {
      const Middle dm;
      const hn::RebindToUnsigned<Middle> dmu;
      constexpr std::int64_t of_17_bits = 0xffff;  // as every w + step that leaves 16
      if (!hn::AllTrue(d, hn::Eq(left_16_bits, hn::Zero(d)))) counts.most_weight = of_17_bits;
      counts.overflowed_weights += sum_of_lanes(du, hn::BitCast(du, overflowed_weights));
      counts.least_update = std::min(counts.least_update, least(dm, least_quotient));
      counts.most_update = std::max(counts.most_update, most(dm, most_quotient));
      counts.overflowed_updates += sum_of_lanes(dmu, hn::BitCast(dmu, overflowed_updates));
      HWY_ALIGN std::int32_t lanes[hn::MaxLanes(dm)];
      hn::Store(excess, dm, lanes);
      counts.excess = std::accumulate(lanes, lanes + hn::Lanes(dm), counts.excess);
    }
  }

 private:
  static HWY_INLINE VShort is_not_zero(VShort v) {
    const hn::RebindToUnsigned<Short> du;
    return hn::BitCast(Short(), hn::Min(hn::BitCast(du, v), hn::Set(du, 1)));
  }

  VShort overflowed_weights, left_16_bits;
  VMiddle least_quotient, most_quotient, overflowed_updates, excess;
};

template <>
struct UnitCounts<Counting::none> {
  HWY_INLINE void add_quotients(const Update&, VMiddle, VMiddle) {}
  HWY_INLINE void add_updates(VShort, VShort) {}
  HWY_INLINE void add_ends(VShort) {}
  HWY_INLINE void add_update(VShort) {}
  HWY_INLINE void add_steps(VShort, VShort) {}
  HWY_INLINE void add_step(VShort) {}
  HWY_INLINE void add_weight(const Update&, VShort, VShort, VShort) {}
  void add_to(UpdateCounts&) const {}
};

/// What an update adds up for one vector of units.
struct UnitSums {
  VMiddle update, dropped;
  VShort negatives;  // how many u are, where they are shifted far

  HWY_INLINE UnitSums()
      : update(hn::Zero(Middle())), dropped(hn::Zero(Middle())), negatives(hn::Zero(Short())) {}

  /// Adds a row's u.
  template <bool kMayBeFar>
  HWY_INLINE void add(const Update& of, VShort u) {
    const Short d;
    add(of, u, signs(u), hn::Set(d, 1));
    if (kMayBeFar && of.is_far) negatives = hn::Sub(negatives, hn::BroadcastSignBit(u));
  }

  /// Adds u of `counts` rows, 0 ... 32767.
  HWY_INLINE void add_rows(const Update& of, VShort u, VShort counts) {
    const VShort sign = hn::BroadcastSignBit(u);
    add(of, u, hn::Sub(hn::Xor(counts, sign), sign), counts);
    negatives = hn::Add(negatives, hn::And(counts, sign));
  }

 private:
  HWY_INLINE void add(const Update& of, VShort u, VShort signed_counts, VShort counts) {
    const Short d;
    update = hn::Add(update, multiply_pairs(u, signed_counts));
    dropped = hn::Add(dropped, multiply_pairs(hn::And(u, hn::Set(d, of.step.mask)), counts));
  }
};

/// u, given P plus the constant of the rounding, or plus R; `random` is R where kRound is
/// any_round.
template <int kRound, Range kRange, Counting kCounting>
HWY_INLINE VShort round_update(const Update& update, VMiddle lower, VMiddle upper,
                               const MiddlePair& random, UnitCounts<kCounting>& counts) {
  const Middle d;
  if constexpr (kRound == any_round) {
    lower = round_lanes<any_round>(d, lower, update.gradient, random.lower);
    upper = round_lanes<any_round>(d, upper, update.gradient, random.upper);
  } else {
    lower = round_products<kRound>(lower, update.gradient);
    upper = round_products<kRound>(upper, update.gradient);
  }
  counts.add_quotients(update, lower, upper);
  return into_words<kRange>(lower, upper, update.gradient_range);
}

/// The step that u makes, where it is not at random.
template <int kRound, bool kMayBeFar>
HWY_INLINE VShort round_step(const Update& update, VShort u) {
  const Short d;
  if (kMayBeFar && update.is_far)
    return hn::VecFromMask(d, hn::Lt(u, hn::Set(d, update.far_bound)));
  return round_lanes<kRound>(d, u, update.step, hn::Zero(d));
}

template <Range kRange, Counting kCounting>
HWY_INLINE void add_to_row(const Update& update, std::int16_t* w, VShort step,
                           UnitCounts<kCounting>& counts) {
  const Short d;
  const VShort before = hn::Load(d, w);
  const VShort after = add_words<kRange>(before, step, update.master_range);
  counts.add_weight(update, before, step, after);
  hn::Store(after, d, w);
}

template <Range kRange, Counting kCounting>
HWY_INLINE void add_step(const Update& update, std::size_t i, std::size_t j, VShort step,
                         UnitCounts<kCounting>& counts) {
  add_to_row<kRange>(update, update.weights + update.index[i] * update.stride + j, step, counts);
}

/// Updates a vector of units from j on in row i, given P plus the constant of the rounding, or plus
/// R; `random` is R where kRound is any_round. kMayBeFar: u may be shifted by 16 places or more.
template <int kRound, Range kRange, bool kMayBeFar, Counting kCounting>
HWY_INLINE void finish_row(const Update& update, std::size_t i, std::size_t j, VMiddle lower,
                           VMiddle upper, const MiddlePair& random, UnitSums& sums,
                           UnitCounts<kCounting>& counts) {
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  const VShort u = round_update<kRound, kRange>(update, lower, upper, random, counts);
  sums.add<kMayBeFar>(update, u);
  counts.add_update(u);
  if constexpr (stochastic || kRound == any_round) counts.add_ends(u);
  VShort step;
  if (!stochastic && !(kRound == any_round && update.master_round == Round::stochastic))
    step = round_step<kRound, kMayBeFar>(update, u);
  else if (kMayBeFar && update.is_far)
    step = hn::Sub(hn::BroadcastSignBit(u),
                   rounded_up(update.for_master.row(i) + j, update.for_master.low_halves,
                              step_threshold_high<true>(update, u),
                              [&] { return step_threshold_low(update, u); }));
  else
    step = round_lanes<kRound>(
        d, u, update.step,
        random_short(update.for_master.row(i) + j, update.master_bits, update.step.shift));
  counts.add_step(step);
  add_step<kRange>(update, i, j, step, counts);
}

/// R of the gradient in row i, or zeros where none is drawn. kFar: it may have 16 bits or more.
template <int kRound, bool kFar>
HWY_INLINE MiddlePair gradient_random(const Update& update, std::size_t i, std::size_t j) {
  if (kRound != static_cast<int>(Round::stochastic) &&
      !(kRound == any_round && update.gradient_round == Round::stochastic))
    return {};
  if (kFar && update.draws_far)
    return random_middles(update.for_gradient, i, j, update.gradient_bits, update.gradient.shift);
  const Short d;
  const VShort random =
      random_short(update.for_gradient.row(i) + j, update.gradient_bits, update.gradient.shift);
  return {hn::BitCast(Middle(), hn::InterleaveLower(d, random, hn::Zero(d))),
          hn::BitCast(Middle(), hn::InterleaveUpper(d, random, hn::Zero(d)))};
}

/// The errors d of a vector of units, each with a 1 beside it for what is added to P.
struct ErrorPairs {
  VShort lower, upper;

  HWY_INLINE explicit ErrorPairs(VShort errors)
      : lower(hn::InterleaveLower(Short(), errors, hn::Set(Short(), 1))),
        upper(hn::InterleaveUpper(Short(), errors, hn::Set(Short(), 1))) {}
};

/// P of a vector of units, plus the constant of the rounding.
template <int kRound>
HWY_INLINE MiddlePair row_products(const Update& update, const ErrorPairs& errors,
                                   std::int32_t pair) {
  const VShort inputs = set_pairs(pair);
  MiddlePair products(multiply_pairs(errors.lower, inputs), multiply_pairs(errors.upper, inputs));
  if (has_constant(kRound) && update.constant_is_wide) {
    const VMiddle constant = hn::Set(Middle(), update.constant);
    products.add({constant, constant});
  }
  return products;
}

/// Updates the units from j on that a vector holds, in rows `first` to `end` - 1. kFarUpdate: P is
/// shifted by 16 places or more, at random. kFarStep: u is shifted so.
template <int kRound, Range kRange, bool kFarUpdate, bool kFarStep, Counting kCounting>
HWY_INLINE void update_rows(const Update& update, std::size_t first, std::size_t end, std::size_t j,
                            const ErrorPairs& errors, UnitSums& sums,
                            UnitCounts<kCounting>& counts) {
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  for (std::size_t i = first; i < end; ++i) {
    MiddlePair products, random;
    if (stochastic && !kFarUpdate) {
      const VShort inputs = set_pairs(update.pairs[i]);
      const VShort r =
          random_short(update.for_gradient.row(i) + j, update.gradient_bits, update.gradient.shift);
      products = {multiply_pairs(errors.lower, hn::InterleaveLower(d, inputs, r)),
                  multiply_pairs(errors.upper, hn::InterleaveUpper(d, inputs, r))};
    } else {
      products = row_products<kRound>(update, errors, update.pairs[i]);
      random = gradient_random<kRound, kFarUpdate>(update, i, j);
      if (stochastic) products.add(random);
    }
    finish_row<kRound, kRange, kFarStep>(update, i, j, products.lower, products.upper, random, sums,
                                         counts);
  }
}

/// The same for rows of one x, where nothing is random: all have one u, and one step.
template <int kRound, Range kRange, bool kFarStep, Counting kCounting>
HWY_INLINE void update_stretch(const Update& update, Stretch rows, std::size_t j,
                               const ErrorPairs& errors, UnitSums& sums,
                               UnitCounts<kCounting>& counts) {
  const Short d;
  const MiddlePair products = row_products<kRound>(update, errors, update.pairs[rows.begin]);
  const VShort u = round_update<kRound, kRange>(update, products.lower, products.upper, {}, counts);
  const VShort all = hn::Set(d, static_cast<std::int16_t>(rows.end - rows.begin));
  sums.add_rows(update, u, all);
  counts.add_updates(u, all);
  const VShort step = round_step<kRound, kFarStep>(update, u);
  if (hn::AllTrue(d, hn::Eq(step, hn::Zero(d)))) return;
  counts.add_steps(step, all);
  for (std::size_t i = rows.begin; i < rows.end; ++i) add_step<kRange>(update, i, j, step, counts);
}

/// The same, at random. All rows have one P: u is its quotient or one more, and each of these has a
/// step that is its quotient or one more.
template <Range kRange, bool kFarUpdate, bool kFarStep, Counting kCounting>
HWY_INLINE void update_random_stretch(const Update& update, Stretch rows, std::size_t j,
                                      const ErrorPairs& errors, UnitSums& sums,
                                      UnitCounts<kCounting>& counts) {
  const Short d;
  const Middle dm;
  const VMiddle one = hn::Set(dm, 1);
  const VShort x = set_pairs(update.pairs[rows.begin] & 0xffff);
  const VMiddle lower = multiply_pairs(errors.lower, x), upper = multiply_pairs(errors.upper, x);
  const VMiddle lower_quotient = hn::ShiftRightSame(lower, update.gradient.shift);
  const VMiddle upper_quotient = hn::ShiftRightSame(upper, update.gradient.shift);
  const VShort u = into_words<kRange>(lower_quotient, upper_quotient, update.gradient_range);
  const VShort next = into_words<kRange>(hn::Add(lower_quotient, one), hn::Add(upper_quotient, one),
                                         update.gradient_range);
  const Threshold to_next =
      random_threshold(lower, upper, update.gradient_bits, update.gradient.shift);
  // The step of u and its threshold, and how those of `next` differ.
  const VShort high = step_threshold_high<kFarStep>(update, u);
  const VShort high_change = hn::Xor(high, step_threshold_high<kFarStep>(update, next));
  const VShort step = hn::ShiftRightSame(u, update.step.shift);
  const VShort step_change = hn::Sub(hn::ShiftRightSame(next, update.step.shift), step);
  const VShort low = kFarStep ? step_threshold_low(update, u) : hn::Zero(d);
  const VShort low_change = kFarStep ? hn::Xor(low, step_threshold_low(update, next)) : hn::Zero(d);
  const std::uint16_t* for_gradient = update.for_gradient.row(rows.begin) + j;
  const std::uint16_t* for_master = update.for_master.row(rows.begin) + j;
  const std::size_t stride = update.for_gradient.stride;  // the master's too: both are drawn
  std::int16_t* const weights = update.weights + j;
  const std::uint32_t* const end = update.index + rows.end;
  VShort nexts = hn::Zero(d);  // how many u are one more
  for (const std::uint32_t* index = update.index + rows.begin; index != end; ++index) {
    const VShort for_u = load_random(for_gradient);
    VShort is_next = hn::VecFromMask(d, hn::Gt(for_u, to_next.high));
    const VShort for_step = load_random(for_master);
    VShort threshold = hn::Xor(high, hn::And(high_change, is_next));
    VShort up = hn::VecFromMask(d, hn::Gt(for_step, threshold));
    if constexpr (kFarUpdate || kFarStep) {
      VShort ties = hn::Zero(d);
      if (kFarUpdate) ties = hn::VecFromMask(d, hn::Eq(for_u, to_next.high));
      if (kFarStep) ties = hn::Or(ties, hn::VecFromMask(d, hn::Eq(for_step, threshold)));
      if (HWY_UNLIKELY(!hn::AllFalse(d, hn::MaskFromVec(ties)))) {
        if (kFarUpdate)
          is_next = above_by_halves(for_u, to_next.high,
                                    for_gradient + update.for_gradient.low_halves, to_next.low);
        threshold = hn::Xor(high, hn::And(high_change, is_next));
        up = kFarStep
                 ? above_by_halves(for_step, threshold, for_master + update.for_master.low_halves,
                                   hn::Xor(low, hn::And(low_change, is_next)))
                 : hn::VecFromMask(d, hn::Gt(for_step, threshold));
      }
    }
    nexts = hn::Sub(nexts, is_next);
    const VShort rounded = hn::Sub(hn::Add(step, hn::And(step_change, is_next)), up);
    counts.add_step(rounded);
    add_to_row<kRange>(update, weights + *index * update.stride, rounded, counts);
    for_gradient += stride;
    for_master += stride;
  }
  const VShort all = hn::Set(d, static_cast<std::int16_t>(rows.end - rows.begin));
  sums.add_rows(update, u, hn::Sub(all, nexts));
  sums.add_rows(update, next, nexts);
  counts.add_updates(u, hn::Sub(all, nexts));
  counts.add_updates(next, nexts);
}

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

inline void add_sums(const Update& update, const UnitSums& of_units, LayerSums& sums) {
  sums.abs_update += sum_of_lanes(of_units.update);
  sums.dropped += sum_of_lanes(of_units.dropped);
  if (update.is_far)
    sums.dropped += WideSum{sum_of_lanes(of_units.negatives)} * WideSum{update.far_dropped};
}

/// Updates the units from j on that a vector holds, in every row.
template <int kRound, Range kRange, bool kFarUpdate, bool kFarStep, Counting kCounting>
HWY_NOINLINE void update_units(const Update& given, std::size_t j, VShort d_of_units,
                               LayerSums& sums, UpdateCounts& counts) {
  const Update update = given;  // which no store can reach, so that it stays in registers
  const ErrorPairs errors(d_of_units);
  UnitSums of_units;
  UnitCounts<kCounting> counts_of_units;
  const auto update_some = [&](std::size_t first, std::size_t end) {
    update_rows<kRound, kRange, kFarUpdate, kFarStep>(update, first, end, j, errors, of_units,
                                                      counts_of_units);
  };
  std::size_t done = 0;
  if constexpr (kRound != any_round)
    for (const Stretch& stretch : update.stretches) {
      update_some(done, stretch.begin);
      if constexpr (kRound == static_cast<int>(Round::stochastic))
        update_random_stretch<kRange, kFarUpdate, kFarStep>(update, stretch, j, errors, of_units,
                                                            counts_of_units);
      else
        update_stretch<kRound, kRange, kFarStep>(update, stretch, j, errors, of_units,
                                                 counts_of_units);
      done = stretch.end;
    }
  update_some(done, update.rows);
  add_sums(update, of_units, sums);
  counts_of_units.add_to(counts);
}

/// The one of these for an update's shifts.
template <int kRound, Range kRange, Counting kCounting>
auto update_units_for(const Update& update) {
  if constexpr (kCounting == Counting::in_range) {  // far shifts are counted as any
    return update_units<kRound, kRange, false, false, kCounting>;
  } else {
    if constexpr (kRound == any_round || kRound == static_cast<int>(Round::stochastic))
      if (update.draws_far)
        return update.is_far ? update_units<kRound, kRange, true, true, kCounting>
                             : update_units<kRound, kRange, true, false, kCounting>;
    return update.is_far ? update_units<kRound, kRange, false, true, kCounting>
                         : update_units<kRound, kRange, false, false, kCounting>;
  }
}

/// Updates all units that have an error, by one sample.
template <int kRound, Range kRange, Counting kCounting>
HWY_NOINLINE void update_layer(const Update& all, const std::int16_t* errors, std::size_t stride,
                               LayerSums& sums, UpdateCounts& counts) {
  const Short d;
  // A lane's share of a row is at most 2^16 of |u|, less of what is dropped, and one negative u;
  // of what overflowing takes, 2^18.
  constexpr std::size_t most_rows = kCounting == Counting::any ? 4096 : 32767;
  const auto update_some = update_units_for<kRound, kRange, kCounting>(all);
  const auto update_rows_of = [&](const Update& update) {
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      const VShort d_of_units = hn::LoadU(d, errors + j);
      if (hn::AllTrue(d, hn::Eq(d_of_units, hn::Zero(d)))) continue;
      update_some(update, j, d_of_units, sums, counts);
    }
  };
  if (all.rows <= most_rows) return update_rows_of(all);
  for (std::size_t first = 0; first < all.rows; first += most_rows)
    update_rows_of(all.part(first, std::min(most_rows, all.rows - first)));
}

/// Updates the units from j on that a vector holds, in every row, given P as MiddlePairs.
template <int kRound, Range kRange, bool kMayBeFar, Counting kCounting>
HWY_NOINLINE void update_by_products(const Update& update, const std::int32_t* products,
                                     std::size_t j, LayerSums& sums, UpdateCounts& counts) {
  const Middle d;
  const std::size_t lanes = hn::Lanes(d);
  const VMiddle constant = hn::Set(d, kRound == any_round ? 0 : update.constant);
  UnitSums of_units;
  UnitCounts<kCounting> counts_of_units;
  for (std::size_t i = 0; i < update.rows; ++i) {
    const MiddlePair random = gradient_random<kRound, kMayBeFar>(update, i, j);
    const MiddlePair more =
        kRound == static_cast<int>(Round::stochastic) ? random : MiddlePair(constant, constant);
    const std::int32_t* product = products + 2 * lanes * i;
    finish_row<kRound, kRange, kMayBeFar>(update, i, j, hn::Add(hn::Load(d, product), more.lower),
                                          hn::Add(hn::Load(d, product + lanes), more.upper), random,
                                          of_units, counts_of_units);
  }
  add_sums(update, of_units, sums);
  counts_of_units.add_to(counts);
}

using UpdateBySample = void (*)(const Update&, const std::int16_t*, std::size_t, LayerSums&,
                                UpdateCounts&);
using UpdateByProducts = void (*)(const Update&, const std::int32_t*, std::size_t, LayerSums&,
                                  UpdateCounts&);

/// The kernels compiled for a rounding and an overflow of both gradient and master.
struct UpdateKernels {
  int round;
  UpdateBySample by_sample;
  UpdateByProducts by_products;
  // Where u is shifted by 16 places or more, or P at random. One for all: to look for that costs a
  // batch 2 %.
  UpdateByProducts by_products_far =
      update_by_products<any_round, Range::any, true, Counting::none>;
};

template <int kRound, Range kRange>
UpdateKernels kernels_of() {
  return {kRound, update_layer<kRound, kRange, Counting::none>,
          update_by_products<kRound, kRange, false, Counting::none>};
}

template <int kRound>
UpdateKernels kernels_for(Range range) {
  switch (range) {
    case Range::wrap_16:
      return kernels_of<kRound, Range::wrap_16>();
    case Range::wrap:
      return kernels_of<kRound, Range::wrap>();
    case Range::saturate_16:
      return kernels_of<kRound, Range::saturate_16>();
    case Range::clamp:
      return kernels_of<kRound, Range::clamp>();
    case Range::any:
      break;
  }
  return kernels_of<any_round, Range::any>();
}

/// The kernels that count. Those in range round as UpdateKernels do; the others count any update,
/// and take Update::constant to be 0.
inline UpdateKernels counting_kernels_for(const Format& gradient, const Format& master) {
  const auto kernels = [](auto round) -> UpdateKernels {
    // Where nothing overflows, all overflows are the same.
    return {round(), update_layer<round(), Range::saturate_16, Counting::in_range>,
            update_by_products<round(), Range::saturate_16, false, Counting::in_range>};
  };
  if (gradient.round == master.round) return with_round(gradient.round, kernels);
  return kernels(std::integral_constant<int, any_round>());
}
inline constexpr UpdateBySample count_any_by_sample =
    update_layer<any_round, Range::any, Counting::any>;
inline constexpr UpdateByProducts count_any_by_products =
    update_by_products<any_round, Range::any, true, Counting::any>;

/// The kernels for a network.
template <class Counts>
UpdateKernels kernels_for(const Format& gradient, const Format& master) {
  if constexpr (Counts::counts) return counting_kernels_for(gradient, master);
  const Range range = range_of(gradient);
  if (gradient.round == master.round && range == range_of(master))
    return with_round(gradient.round, [&](auto round) { return kernels_for<round()>(range); });
  return kernels_of<any_round, Range::any>();
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
