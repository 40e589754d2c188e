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

/// What one update needs, the same for all units.
struct Update {
  const std::size_t* offsets = nullptr;  // [row], of its weights
  const std::int32_t* pairs = nullptr;   // [row], x and `constant`, or 0 if that is wide;
                                         // stochastic: x and x. For one sample only
  std::size_t rows = 0;
  std::int16_t* weights;
  RowNoise<std::uint16_t> for_gradient{}, for_master{};
  Rounding<std::int32_t> gradient;
  Rounding<std::int16_t> step;  // of 15 places where u is shifted far
  WordRange<std::int16_t> gradient_range, master_range;
  Round gradient_round, master_round;
  std::uint16_t gradient_bits, master_bits;  // the highest bits of R's 16 that may be set
  std::int32_t constant;                     // that is added to P before it is shifted
  bool constant_is_wide;                     // more than 16 bits
  bool is_far;                               // u is shifted by 16 places or more
  std::int16_t far_bound;                    // far_step_bound
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
        is_far(layer.to_step.shift() > step.shift),
        far_bound(far_step_bound(layer.to_step.shift(), of_master.round)) {
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

  static std::uint16_t highest_bits(int bits) {
    return static_cast<std::uint16_t>(0xffff0000U >> std::min(bits, 16));
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

/// R of 1 to 15 bits from the highest bits of random words.
HWY_INLINE VShort random_short(const std::uint16_t* words, std::uint16_t bits, int shift) {
  const hn::RebindToUnsigned<Short> du;
  const auto word = hn::And(hn::LoadU(du, words), hn::Set(du, bits));
  return hn::BitCast(Short(), hn::ShiftRightSame(word, 16 - shift));
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
                           VMiddle upper, VShort random, UnitSums& sums) {
  constexpr bool any = kRound == any_round;
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  const Middle dm;
  VShort u;
  if constexpr (any) {
    const auto rest = [&](VShort r) { return hn::BitCast(dm, r); };
    lower = round_lanes<any_round>(dm, lower, update.gradient,
                                   rest(hn::InterleaveLower(d, random, hn::Zero(d))));
    upper = round_lanes<any_round>(dm, upper, update.gradient,
                                   rest(hn::InterleaveUpper(d, random, hn::Zero(d))));
    u = into_words<kRange>(lower, upper, update.gradient_range);
  } else {
    u = into_words<kRange>(round_products<kRound>(lower, update.gradient),
                           round_products<kRound>(upper, update.gradient), update.gradient_range);
  }
  sums.update = hn::Add(sums.update, multiply_pairs(u, signs(u)));
  sums.dropped = hn::Add(sums.dropped,
                         multiply_pairs(hn::And(u, hn::Set(d, update.step.mask)), hn::Set(d, 1)));
  if (stochastic || (any && update.master_round == Round::stochastic))
    random = random_short(update.for_master.row(i) + j, update.master_bits, update.step.shift);
  else
    random = hn::Zero(d);
  VShort step;
  if (kMayBeFar && !stochastic && update.is_far) {
    step = hn::VecFromMask(d, hn::Lt(u, hn::Set(d, update.far_bound)));
    sums.negatives = hn::Sub(sums.negatives, hn::BroadcastSignBit(u));
  } else {
    step = round_lanes<kRound>(d, u, update.step, random);
  }
  std::int16_t* const w = update.weights + update.offsets[i] + j;
  hn::Store(add_words<kRange>(hn::Load(d, w), step, update.master_range), d, w);
}

/// R of the gradient in row i, or zeros where none is drawn.
template <int kRound>
HWY_INLINE VShort gradient_random(const Update& update, std::size_t i, std::size_t j) {
  if (kRound == static_cast<int>(Round::stochastic) ||
      (kRound == any_round && update.gradient_round == Round::stochastic))
    return random_short(update.for_gradient.row(i) + j, update.gradient_bits,
                        update.gradient.shift);
  return hn::Zero(Short());
}

/// Updates the units from j on that a vector holds, in every row. `errors` are their d.
template <int kRound, Range kRange>
HWY_INLINE void update_units(const Update& update, std::size_t j, VShort errors, UnitSums& sums) {
  const Short d;
  const VShort one = hn::Set(d, 1);
  const VShort lower_errors = hn::InterleaveLower(d, errors, one);
  const VShort upper_errors = hn::InterleaveUpper(d, errors, one);
  for (std::size_t i = 0; i < update.rows; ++i) {
    VShort lower_inputs = set_pairs(update.pairs[i]), upper_inputs = lower_inputs;
    const VShort random = gradient_random<kRound>(update, i, j);
    if (kRound == static_cast<int>(Round::stochastic)) {
      lower_inputs = hn::InterleaveLower(d, lower_inputs, random);
      upper_inputs = hn::InterleaveUpper(d, upper_inputs, random);
    }
    VMiddle lower = multiply_pairs(lower_errors, lower_inputs);
    VMiddle upper = multiply_pairs(upper_errors, upper_inputs);
    if (has_constant(kRound) && update.constant_is_wide) {
      lower = hn::Add(lower, hn::Set(Middle(), update.constant));
      upper = hn::Add(upper, hn::Set(Middle(), update.constant));
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
    const VShort random = gradient_random<kRound>(update, i, j);
    VMiddle lower_more = constant, upper_more = constant;
    if (kRound == static_cast<int>(Round::stochastic)) {
      const Short ds;
      lower_more = hn::BitCast(d, hn::InterleaveLower(ds, random, hn::Zero(ds)));
      upper_more = hn::BitCast(d, hn::InterleaveUpper(ds, random, hn::Zero(ds)));
    }
    const std::int32_t* product = products + 2 * lanes * i;
    finish_row<kRound, kRange, kMayBeFar>(update, i, j, hn::Add(hn::Load(d, product), lower_more),
                                          hn::Add(hn::Load(d, product + lanes), upper_more), random,
                                          of_units);
  }
  add_sums(update, of_units, sums);
}

/// The kernels compiled for a rounding and an overflow of both gradient and master.
struct UpdateKernels {
  int round;
  void (*by_sample)(const Update&, const std::int16_t*, std::size_t, LayerSums&);
  void (*by_products)(const Update&, const std::int32_t*, std::size_t, LayerSums&);
  // Where u is shifted by 16 places or more. One for all: to look for that costs a batch 2 %.
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
