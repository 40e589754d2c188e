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

/// How far_random_step shifts u by n places, 16 ... 63: to bring |u| / 2^n to a random word's
/// scale.
struct FarShift {
  int before;             // u's right shift, so that 32 places are left at most
  int right[2], left[2];  // in two shifts, since lanes are shifted by 15 places at most: of |u| to
                          // the bound's highest half, and to its lowest

  explicit FarShift(int n) : before(std::clamp(n - 32, 0, 15)) {
    const int places = std::min(n, 32) - 16;
    right[0] = std::min(places, 15);
    right[1] = places - right[0];
    left[0] = std::min(16 - places, 15);
    left[1] = 16 - places - left[0];
  }
};

/// What one update needs, the same for all units.
struct Update {
  const std::size_t* offsets = nullptr;  // [row], of its weights
  const std::int32_t* pairs = nullptr;   // [row], x and `constant`, or 0 if that is wide;
                                         // stochastic, unless far: x twice. For one sample only
  std::size_t rows = 0;
  std::int16_t* weights;
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
    part.offsets += first;
    if (part.pairs != nullptr) part.pairs += first;
    part.for_gradient.place += first;
    part.for_master.place += first;
    part.rows = count;
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
using VShortU = hn::Vec<ShortU>;

/// The halves of random words of row i, of which the bits `bits` may be set.
struct Halves {
  VShortU high, low;

  HWY_INLINE Halves(const RowNoise<std::uint16_t>& noise, std::size_t i, std::size_t j,
                    std::uint32_t bits) {
    const ShortU d;
    const std::uint16_t* const words = noise.row(i) + j;
    high = hn::And(hn::LoadU(d, words), hn::Set(d, static_cast<std::uint16_t>(bits >> 16)));
    low = hn::And(hn::LoadU(d, words + noise.low_halves),
                  hn::Set(d, static_cast<std::uint16_t>(bits)));
  }
};

/// R of 1 to 15 bits from the highest halves of random words.
HWY_INLINE VShort random_short(const std::uint16_t* words, std::uint32_t bits, int shift) {
  const ShortU d;
  const auto word =
      hn::And(hn::LoadU(d, words), hn::Set(d, static_cast<std::uint16_t>(bits >> 16)));
  return hn::BitCast(Short(), hn::ShiftRightSame(word, 16 - shift));
}

/// R of 16 to 30 bits.
HWY_INLINE MiddlePair random_middles(const Halves& halves, int shift) {
  const ShortU d;
  const hn::RebindToUnsigned<Middle> du;
  const auto shifted = [&](VShortU words) {
    return hn::BitCast(Middle(), hn::ShiftRightSame(hn::BitCast(du, words), 32 - shift));
  };
  return {shifted(hn::InterleaveLower(d, halves.low, halves.high)),
          shifted(hn::InterleaveUpper(d, halves.low, halves.high))};
}

/// u / 2^n rounded at random, n in 16 ... 63: 0, or 1 or -1 by u's sign. With W the random word:
/// - A positive u becomes 1 where R >= 2^n - u, that is 2^n - 1 - R < u; a negative one stays -1
///   where R < -u. Let W' be W, or 32 ones less W where u is positive: both are W's n highest bits,
///   or all of them and then n - 32 zeros (u < 0) or ones.
/// - For n <= 32 both are W' / 2^(32-n), rounded down, < |u|, that is W' < |u| 2^(32-n) <= 2^31.
/// - For n > 32, with s = n - 32: W' 2^s < -u where u < 0, that is W' < -u / 2^s rounded up; and
///   (W' + 1) 2^s <= u where u > 0, that is W' < u / 2^s rounded down. Both are |u >> s|, which
///   stays the same from s = 15 on.
HWY_INLINE VShort far_random_step(VShort u, const Halves& halves, const FarShift& shift) {
  const Short d;
  const ShortU du;
  const auto shifted = hn::BitCast(du, hn::Abs(hn::ShiftRightSame(u, shift.before)));
  const auto high = hn::ShiftRightSame(hn::ShiftRightSame(shifted, shift.right[0]), shift.right[1]);
  const auto low = hn::ShiftLeftSame(hn::ShiftLeftSame(shifted, shift.left[0]), shift.left[1]);
  const auto flip = hn::Not(hn::BitCast(du, hn::BroadcastSignBit(u)));
  const auto random_high = hn::Xor(halves.high, flip), random_low = hn::Xor(halves.low, flip);
  const auto moves = hn::Or(hn::VecFromMask(du, hn::Lt(random_high, high)),
                            hn::And(hn::VecFromMask(du, hn::Eq(random_high, high)),
                                    hn::VecFromMask(du, hn::Lt(random_low, low))));
  return hn::And(hn::BitCast(d, moves), signs(u));
}

/// What an update adds up for one vector of units.
struct UnitSums {
  VMiddle update, dropped;
  VShort negatives;  // how many u are, where they are shifted far

  HWY_INLINE UnitSums()
      : update(hn::Zero(Middle())), dropped(hn::Zero(Middle())), negatives(hn::Zero(Short())) {}
};

/// Updates a vector of units from j on in row i, given P plus the constant of the rounding, or plus
/// R; `random` is R where kRound is any_round. kMayBeFar: u may be shifted by 16 places or more.
template <int kRound, Range kRange, bool kMayBeFar>
HWY_INLINE void finish_row(const Update& update, std::size_t i, std::size_t j, VMiddle lower,
                           VMiddle upper, const MiddlePair& random, UnitSums& sums) {
  constexpr bool any = kRound == any_round;
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  const Middle dm;
  VShort u;
  if constexpr (any) {
    lower = round_lanes<any_round>(dm, lower, update.gradient, random.lower);
    upper = round_lanes<any_round>(dm, upper, update.gradient, random.upper);
    u = into_words<kRange>(lower, upper, update.gradient_range);
  } else {
    u = into_words<kRange>(round_products<kRound>(lower, update.gradient),
                           round_products<kRound>(upper, update.gradient), update.gradient_range);
  }
  sums.update = hn::Add(sums.update, multiply_pairs(u, signs(u)));
  sums.dropped = hn::Add(sums.dropped,
                         multiply_pairs(hn::And(u, hn::Set(d, update.step.mask)), hn::Set(d, 1)));
  const bool draws = stochastic || (any && update.master_round == Round::stochastic);
  VShort step;
  if (kMayBeFar && update.is_far) {
    step = draws ? far_random_step(u, Halves(update.for_master, i, j, update.master_bits),
                                   update.far_shift)
                 : hn::VecFromMask(d, hn::Lt(u, hn::Set(d, update.far_bound)));
    sums.negatives = hn::Sub(sums.negatives, hn::BroadcastSignBit(u));
  } else {
    const VShort r =
        draws ? random_short(update.for_master.row(i) + j, update.master_bits, update.step.shift)
              : hn::Zero(d);
    step = round_lanes<kRound>(d, u, update.step, r);
  }
  std::int16_t* const w = update.weights + update.offsets[i] + j;
  hn::Store(add_words<kRange>(hn::Load(d, w), step, update.master_range), d, w);
}

/// R of the gradient in row i, or zeros where none is drawn. kMayBeFar: it may have 16 bits or
/// more.
template <int kRound, bool kMayBeFar>
HWY_INLINE MiddlePair gradient_random(const Update& update, std::size_t i, std::size_t j) {
  if (kRound != static_cast<int>(Round::stochastic) &&
      !(kRound == any_round && update.gradient_round == Round::stochastic))
    return {};
  if (kMayBeFar && update.draws_far)
    return random_middles(Halves(update.for_gradient, i, j, update.gradient_bits),
                          update.gradient.shift);
  const Short d;
  const VShort random =
      random_short(update.for_gradient.row(i) + j, update.gradient_bits, update.gradient.shift);
  return {hn::BitCast(Middle(), hn::InterleaveLower(d, random, hn::Zero(d))),
          hn::BitCast(Middle(), hn::InterleaveUpper(d, random, hn::Zero(d)))};
}

/// Updates the units from j on that a vector holds, in every row. `errors` are their d.
template <int kRound, Range kRange>
HWY_INLINE void update_units(const Update& update, std::size_t j, VShort errors, UnitSums& sums) {
  const Short d;
  const VShort one = hn::Set(d, 1);
  const VShort lower_errors = hn::InterleaveLower(d, errors, one);
  const VShort upper_errors = hn::InterleaveUpper(d, errors, one);
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  for (std::size_t i = 0; i < update.rows; ++i) {
    const VShort inputs = set_pairs(update.pairs[i]);
    VMiddle lower, upper;
    MiddlePair random;
    if (stochastic && !update.draws_far) {
      const VShort r =
          random_short(update.for_gradient.row(i) + j, update.gradient_bits, update.gradient.shift);
      lower = multiply_pairs(lower_errors, hn::InterleaveLower(d, inputs, r));
      upper = multiply_pairs(upper_errors, hn::InterleaveUpper(d, inputs, r));
    } else {
      random = gradient_random<kRound, true>(update, i, j);
      lower = multiply_pairs(lower_errors, inputs);
      upper = multiply_pairs(upper_errors, inputs);
      if (stochastic) {
        lower = hn::Add(lower, random.lower);
        upper = hn::Add(upper, random.upper);
      }
      if (has_constant(kRound) && update.constant_is_wide) {
        lower = hn::Add(lower, hn::Set(Middle(), update.constant));
        upper = hn::Add(upper, hn::Set(Middle(), update.constant));
      }
    }
    finish_row<kRound, kRange, true>(update, i, j, lower, upper, random, sums);
  }
}

/// The sum of lanes, none of them negative.
template <class D>
std::uint64_t sum_of_lanes(D d, hn::Vec<D> sums) {
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(d)];
  hn::Store(sums, d, lanes);
  return std::accumulate(lanes, lanes + hn::Lanes(d), std::uint64_t{0});
}

inline void add_sums(const Update& update, const UnitSums& of_units, LayerSums& sums) {
  const hn::RebindToUnsigned<Short> du;
  const hn::RebindToUnsigned<Middle> dmu;
  sums.abs_update += sum_of_lanes(dmu, hn::BitCast(dmu, of_units.update));
  sums.dropped += sum_of_lanes(dmu, hn::BitCast(dmu, of_units.dropped));
  if (update.is_far)
    sums.dropped += WideSum{sum_of_lanes(du, hn::BitCast(du, of_units.negatives))} *
                    WideSum{update.far_dropped};
}

/// Updates all units that have an error, by one sample.
template <int kRound, Range kRange>
HWY_NOINLINE void update_layer(const Update& all, const std::int16_t* errors, std::size_t stride,
                               LayerSums& sums) {
  const Short d;
  // A lane's share of a row is at most 2^16 of |u|, less of what is dropped, and one negative u.
  constexpr std::size_t most_rows = 32768;
  for (std::size_t first = 0; first < all.rows; first += most_rows) {
    const Update update = all.part(first, std::min(most_rows, all.rows - first));
    for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
      const VShort d_of_units = hn::LoadU(d, errors + j);
      if (hn::AllTrue(d, hn::Eq(d_of_units, hn::Zero(d)))) continue;
      UnitSums of_units;
      update_units<kRound, kRange>(update, j, d_of_units, of_units);
      add_sums(update, of_units, sums);
    }
  }
}

/// Updates the units from j on that a vector holds, in every row, given P as MiddlePairs.
template <int kRound, Range kRange, bool kMayBeFar>
HWY_NOINLINE void update_by_products(const Update& update, const std::int32_t* products,
                                     std::size_t j, LayerSums& sums) {
  const Middle d;
  const std::size_t lanes = hn::Lanes(d);
  const VMiddle constant = hn::Set(d, kRound == any_round ? 0 : update.constant);
  UnitSums of_units;
  for (std::size_t i = 0; i < update.rows; ++i) {
    const MiddlePair random = gradient_random<kRound, kMayBeFar>(update, i, j);
    const MiddlePair more =
        kRound == static_cast<int>(Round::stochastic) ? random : MiddlePair(constant, constant);
    const std::int32_t* product = products + 2 * lanes * i;
    finish_row<kRound, kRange, kMayBeFar>(update, i, j, hn::Add(hn::Load(d, product), more.lower),
                                          hn::Add(hn::Load(d, product + lanes), more.upper), random,
                                          of_units);
  }
  add_sums(update, of_units, sums);
}

/// The kernels compiled for a rounding and an overflow of both gradient and master.
struct UpdateKernels {
  int round;
  void (*by_sample)(const Update&, const std::int16_t*, std::size_t, LayerSums&);
  void (*by_products)(const Update&, const std::int32_t*, std::size_t, LayerSums&);
  // Where u is shifted by 16 places or more, or P at random. One for all: to look for that costs a
  // batch 2 %.
  void (*by_products_far)(const Update&, const std::int32_t*, std::size_t,
                          LayerSums&) = update_by_products<any_round, Range::any, true>;
};

template <int kRound, Range kRange>
UpdateKernels kernels_of() {
  return {kRound, update_layer<kRound, kRange>, update_by_products<kRound, kRange, false>};
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

inline UpdateKernels kernels_for(const Format& gradient, const Format& master) {
  const Range range = range_of(gradient);
  if (gradient.round == master.round && range == range_of(master))
    return with_round(gradient.round, [&](auto round) { return kernels_for<round()>(range); });
  return kernels_of<any_round, Range::any>();
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
