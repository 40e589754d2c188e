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

#include "engines/cpu/general/short_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// What an update adds up for one vector of units.
struct UnitSums {
  VMiddle update, dropped;
  VShort negatives;  // how many u are, where they are shifted far

  HWY_INLINE UnitSums()
      : update(hn::Zero(Middle())), dropped(hn::Zero(Middle())), negatives(hn::Zero(Short())) {}

  /// Adds a row's u.
  template <Far kFar>
  HWY_INLINE void add(const Update& of, VShort u) {
    const Short d;
    add(of, u, signs(u), hn::Set(d, 1));
    if (of.steps_far<kFar>()) negatives = hn::Sub(negatives, hn::BroadcastSignBit(u));
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
template <int kRound, Far kFar>
HWY_INLINE VShort round_step(const Update& update, VShort u) {
  const Short d;
  if (update.steps_far<kFar>()) return hn::VecFromMask(d, hn::Lt(u, hn::Set(d, update.far_bound)));
  return round_lanes<kRound>(d, u, update.step, hn::Zero(d));
}

/// Returns the weights after it.
template <Range kRange, Counting kCounting>
HWY_INLINE VShort add_to_row(const Update& update, std::int16_t* w, VShort step,
                             UnitCounts<kCounting>& counts) {
  const Short d;
  const VShort before = hn::Load(d, w);
  const VShort after = add_words<kRange>(before, step, update.master_range);
  counts.add_weight(update, before, step, after);
  hn::Store(after, d, w);
  return after;
}

template <Range kRange, Counting kCounting>
HWY_INLINE VShort add_step(const Update& update, std::size_t i, std::size_t j, VShort step,
                           UnitCounts<kCounting>& counts) {
  return add_to_row<kRange>(update, update.weights + update.index[i] * update.stride + j, step,
                            counts);
}

/// Updates a vector of units from j on in row i, given P plus the constant of the rounding, or plus
/// R; `random` is R where kRound is any_round. kFar: whether u is shifted by 16 places or more.
template <int kRound, Range kRange, Far kFar, Counting kCounting>
HWY_INLINE void finish_row(const Update& update, std::size_t i, std::size_t j, VMiddle lower,
                           VMiddle upper, const MiddlePair& random, UnitSums& sums,
                           UnitCounts<kCounting>& counts) {
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  const VShort u = round_update<kRound, kRange>(update, lower, upper, random, counts);
  sums.add<kFar>(update, u);
  counts.add_update(u);
  if constexpr (stochastic || kRound == any_round) counts.add_ends(u);
  VShort step;
  if (!stochastic && !(kRound == any_round && update.master_round == Round::stochastic))
    step = round_step<kRound, kFar>(update, u);
  else if (update.steps_far<kFar>())
    step = hn::Sub(hn::BroadcastSignBit(u),
                   rounded_up(update.for_master.row(i) + j, update.for_master.low_halves,
                              step_threshold_high<kFar>(update, u),
                              [&] { return step_threshold_low(update, u); }));
  else
    step = round_lanes<kRound>(
        d, u, update.step,
        random_short(update.for_master.row(i) + j, update.master_bits, update.step.shift));
  counts.add_step(step);
  const VShort w = add_step<kRange>(update, i, j, step, counts);
  counts.add_copy(update, u, w);
}

/// R of the gradient in row i, or zeros where none is drawn. kFar: whether it has 16 bits or more.
template <int kRound, Far kFar>
HWY_INLINE MiddlePair gradient_random(const Update& update, std::size_t i, std::size_t j) {
  if (kRound != static_cast<int>(Round::stochastic) &&
      !(kRound == any_round && update.gradient_round == Round::stochastic))
    return {};
  if (update.updates_far<kFar>())
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
template <int kRound, Range kRange, Far kFarUpdate, Far kFarStep, Counting kCounting>
HWY_INLINE void update_rows(const Update& update, std::size_t first, std::size_t end, std::size_t j,
                            const ErrorPairs& errors, UnitSums& sums,
                            UnitCounts<kCounting>& counts) {
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  const Short d;
  for (std::size_t i = first; i < end; ++i) {
    MiddlePair products, random;
    if (stochastic && kFarUpdate == Far::no) {
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
template <int kRound, Range kRange, Far kFarStep, Counting kCounting>
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
  UnitCounts<kCounting> of_rows;
  for (std::size_t i = rows.begin; i < rows.end; ++i) add_step<kRange>(update, i, j, step, of_rows);
  counts.add(of_rows);
}

/// The same, at random. All rows have one P: u is its quotient or one more, and each of these has a
/// step that is its quotient or one more.
template <Range kRange, Far kFarUpdate, Far kFarStep, Counting kCounting>
HWY_INLINE void update_random_stretch(const Update& update, Stretch rows, std::size_t j,
                                      const ErrorPairs& errors, UnitSums& sums,
                                      UnitCounts<kCounting>& counts) {
  constexpr bool far_update = kFarUpdate != Far::no, far_step = kFarStep != Far::no;
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
  const VShort low = far_step ? step_threshold_low(update, u) : hn::Zero(d);
  const VShort low_change = far_step ? hn::Xor(low, step_threshold_low(update, next)) : hn::Zero(d);
  const std::uint16_t* for_gradient = update.for_gradient.row(rows.begin) + j;
  const std::uint16_t* for_master = update.for_master.row(rows.begin) + j;
  const std::size_t stride = update.for_gradient.stride;  // the master's too: both are drawn
  std::int16_t* const weights = update.weights + j;
  const std::uint32_t* const end = update.index + rows.end;
  VShort nexts = hn::Zero(d);  // how many u are one more
  UnitCounts<kCounting> of_rows;
  for (const std::uint32_t* index = update.index + rows.begin; index != end; ++index) {
    const VShort for_u = load_random(for_gradient);
    VShort is_next = hn::VecFromMask(d, hn::Gt(for_u, to_next.high));
    const VShort for_step = load_random(for_master);
    VShort threshold = hn::Xor(high, hn::And(high_change, is_next));
    VShort up = hn::VecFromMask(d, hn::Gt(for_step, threshold));
    if constexpr (far_update || far_step) {
      VShort ties = hn::Zero(d);
      if (far_update) ties = hn::VecFromMask(d, hn::Eq(for_u, to_next.high));
      if (far_step) ties = hn::Or(ties, hn::VecFromMask(d, hn::Eq(for_step, threshold)));
      if (HWY_UNLIKELY(!hn::AllFalse(d, hn::MaskFromVec(ties)))) {
        if (far_update)
          is_next = above_by_halves(for_u, to_next.high,
                                    for_gradient + update.for_gradient.low_halves, to_next.low);
        threshold = hn::Xor(high, hn::And(high_change, is_next));
        up = far_step
                 ? above_by_halves(for_step, threshold, for_master + update.for_master.low_halves,
                                   hn::Xor(low, hn::And(low_change, is_next)))
                 : hn::VecFromMask(d, hn::Gt(for_step, threshold));
      }
    }
    nexts = hn::Sub(nexts, is_next);
    const VShort rounded = hn::Sub(hn::Add(step, hn::And(step_change, is_next)), up);
    of_rows.add_step(rounded);
    add_to_row<kRange>(update, weights + *index * update.stride, rounded, of_rows);
    for_gradient += stride;
    for_master += stride;
  }
  counts.add(of_rows);
  const VShort all = hn::Set(d, static_cast<std::int16_t>(rows.end - rows.begin));
  sums.add_rows(update, u, hn::Sub(all, nexts));
  sums.add_rows(update, next, nexts);
  counts.add_updates(u, hn::Sub(all, nexts));
  counts.add_updates(next, nexts);
}

inline void add_sums(const Update& update, const UnitSums& of_units, LayerSums& sums) {
  sums.abs_update += sum_of_lanes(of_units.update);
  sums.dropped += sum_of_lanes(of_units.dropped);
  if (update.is_far)
    sums.dropped += WideSum{sum_of_lanes(of_units.negatives)} * WideSum{update.far_dropped};
}

/// Updates the units from j on that a vector holds, in every row.
template <int kRound, Range kRange, Far kFarUpdate, Far kFarStep, Counting kCounting>
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
  if constexpr (kRound == any_round || kRound == static_cast<int>(Round::stochastic))
    if (update.draws_far)
      return update.is_far ? update_units<kRound, kRange, Far::yes, Far::yes, kCounting>
                           : update_units<kRound, kRange, Far::yes, Far::no, kCounting>;
  return update.is_far ? update_units<kRound, kRange, Far::no, Far::yes, kCounting>
                       : update_units<kRound, kRange, Far::no, Far::no, kCounting>;
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
template <int kRound, Range kRange, Far kFar, Counting kCounting>
HWY_NOINLINE void update_by_products(const Update& update, const std::int32_t* products,
                                     std::size_t j, LayerSums& sums, UpdateCounts& counts) {
  const Middle d;
  const std::size_t lanes = hn::Lanes(d);
  const VMiddle constant = hn::Set(d, kRound == any_round ? 0 : update.constant);
  UnitSums of_units;
  UnitCounts<kCounting> counts_of_units;
  for (std::size_t i = 0; i < update.rows; ++i) {
    const MiddlePair random = gradient_random<kRound, kFar>(update, i, j);
    const MiddlePair more =
        kRound == static_cast<int>(Round::stochastic) ? random : MiddlePair(constant, constant);
    const std::int32_t* product = products + 2 * lanes * i;
    finish_row<kRound, kRange, kFar>(update, i, j, hn::Add(hn::Load(d, product), more.lower),
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
      update_by_products<any_round, Range::any, Far::looked_up, Counting::none>;
};

template <int kRound, Range kRange>
UpdateKernels kernels_of() {
  return {kRound, update_layer<kRound, kRange, Counting::none>,
          update_by_products<kRound, kRange, Far::no, Counting::none>};
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
            update_by_products<round(), Range::saturate_16, Far::no, Counting::in_range>,
            update_by_products<any_round, Range::any, Far::looked_up, Counting::in_range>};
  };
  if (gradient.round == master.round) return with_round(gradient.round, kernels);
  return kernels(std::integral_constant<int, any_round>());
}
inline constexpr UpdateBySample count_any_by_sample =
    update_layer<any_round, Range::any, Counting::any>;
inline constexpr UpdateByProducts count_any_by_products =
    update_by_products<any_round, Range::any, Far::looked_up, Counting::any>;

/// The kernels for a network.
template <class Counts>
UpdateKernels kernels_for(const Format& gradient, const Format& master) {
  if constexpr (Counts::counts) return counting_kernels_for(gradient, master);
  const Range range = range_of(gradient, master);
  if (gradient.round == master.round && range != Range::any)
    return with_round(gradient.round, [&](auto round) { return kernels_for<round()>(range); });
  return kernels_of<any_round, Range::any>();
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
