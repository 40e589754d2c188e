// Updates of a unit of networks side by side, in 16-bit words: lanes differ in their learning rate.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_PACK_UPDATE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_PACK_UPDATE_INL_HPP
#undef GRIDRUN_HOST_PACK_UPDATE_INL_HPP
#else
#define GRIDRUN_HOST_PACK_UPDATE_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "engines/cpu/general/pack_counts-inl.hpp"
#include "engines/cpu/general/pack_lanes-inl.hpp"
#include "engines/cpu/general/short_update-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// What one update of a cell needs.
struct PackUpdate {
  Update of;  // but for its steps, its x and its noise
  const LaneSteps* steps = nullptr;
  const std::int16_t* x = nullptr;       // [row]
  const std::uint32_t* place = nullptr;  // [row]
  std::int16_t least_x = 0, most_x = 0;  // of these and 0
  std::size_t units = 0;                 // of a row of random words
  // Of a pair of units PackNoise's highest halves [place][2], and the lowest of its first
  // [place][unit].
  const std::int16_t* gradient[cell_pairs] = {};
  const std::int16_t* master[cell_pairs] = {};
  const std::uint16_t* low_gradient[cell_pairs] = {};
  const std::uint16_t* low_master[cell_pairs] = {};

  static HWY_INLINE VShort high(const std::int16_t* const (&words)[cell_pairs], std::size_t at) {
    return hn::BitCast(Short(), in_lanes(Middle(), [&](std::size_t pair) {
                         std::int32_t both;
                         std::memcpy(&both, words[pair] + 2 * at, sizeof both);
                         return both;
                       }));
  }
  HWY_INLINE VShort low(const std::uint16_t* const (&words)[cell_pairs], std::size_t at) const {
    return hn::BitCast(Short(), in_lanes(Middle(), [&](std::size_t pair) {
                         std::uint32_t both;
                         std::memcpy(&both, words[pair] + at * units, sizeof both);
                         return static_cast<std::int32_t>(both ^ 0x7fff7fff);
                       }));
  }
};

/// What some rows have before their products with the errors, for random updates.
struct RowPairs {
  static constexpr std::size_t most = 32;
  HWY_ALIGN std::int64_t pairs[cell_pairs][most];  // of both units x and R, or R alone where far

  template <bool kFar>
  HWY_INLINE void make(const PackUpdate& update, std::size_t first, std::size_t count) {
    const hn::CappedTag<std::uint16_t, 8> d;
    const hn::Repartition<std::uint32_t, decltype(d)> d32;
    static_assert(hn::MaxLanes(d) == 8);
    const std::uint32_t bits = update.of.gradient_bits;
    const int shift = update.of.gradient.shift;
    const std::uint32_t* const place = update.place + first;
    const bool in_order = place[count - 1] - place[0] == count - 1;
    for (std::size_t pair = 0; pair < cell_pairs; ++pair)
      for (std::size_t i = 0; i < count; i += 4) {
        const bool whole = i + 4 <= count;
        HWY_ALIGN std::uint32_t highs[4], lows[4];
        HWY_ALIGN std::int16_t x[8];
        const auto row_of = [&](std::size_t n) {
          return whole ? i + n : std::min(i + n, count - 1);
        };
        for (std::size_t n = 0; n < 4 && !(whole && in_order); ++n)
          std::memcpy(&highs[n], update.gradient[pair] + 2 * place[row_of(n)], sizeof highs[n]);
        if constexpr (kFar) {
          for (std::size_t n = 0; n < 4; ++n)
            std::memcpy(&lows[n], update.low_gradient[pair] + place[row_of(n)] * update.units,
                        sizeof lows[n]);
        } else if (whole) {
          std::memcpy(x, update.x + first + i, 4 * sizeof x[0]);
        } else {
          for (std::size_t n = 0; n < 4; ++n) x[n] = update.x[first + row_of(n)];
        }
        const auto stored =
            whole && in_order
                ? hn::LoadU(d, reinterpret_cast<const std::uint16_t*>(update.gradient[pair]) +
                                   2 * place[i])
                : hn::BitCast(d, hn::Load(d32, highs));
        auto high = hn::Xor(stored, hn::Set(d, 0x7fff));
        hn::Vec<decltype(d)> other;
        if constexpr (kFar) {
          other = hn::BitCast(d, hn::Load(d32, lows));
        } else {
          const hn::CappedTag<std::uint16_t, 4> d4;
          const auto four = hn::ZeroExtendVector(
              d, hn::BitCast(d4, hn::Load(hn::RebindToSigned<decltype(d4)>(), x)));
          other = hn::InterleaveLower(d, four, four);
        }
        if (!kFar)
          high = hn::ShiftRightSame(
              hn::And(high, hn::Set(d, static_cast<std::uint16_t>(bits >> 16))), 16 - shift);
        const auto store = [&](auto halves, std::int64_t* to) {
          auto words = hn::BitCast(d32, halves);
          if (kFar) words = hn::ShiftRightSame(hn::And(words, hn::Set(d32, bits)), 32 - shift);
          hn::Store(words, d32, reinterpret_cast<std::uint32_t*>(to));
        };
        store(hn::InterleaveLower(d, other, high), &pairs[pair][i]);
        store(hn::InterleaveUpper(d, other, high), &pairs[pair][i + 2]);
      }
  }

  HWY_INLINE VMiddle at(std::size_t i) const {
    return hn::BitCast(Middle(),
                       in_lanes(Wide(), [&](std::size_t pair) { return pairs[pair][i]; }));
  }
};

/// What an update adds up for a vector of lanes, of fewer than 2^16 rows.
struct LaneSums {
  VMiddle update, dropped;  // of two units, not signed
  VShort negatives;         // how many u are, where any is shifted far

  HWY_INLINE LaneSums()
      : update(hn::Zero(Middle())), dropped(hn::Zero(Middle())), negatives(hn::Zero(Short())) {}

  template <bool kFar>
  HWY_INLINE void add(const LaneSteps::At& steps, VShort u) {
    const Short d;
    update = hn::Add(update, multiply_pairs(u, signs(u)));
    dropped = hn::Add(dropped, multiply_pairs(steps.rest(u), hn::Set(d, 1)));
    if (kFar) negatives = hn::Sub(negatives, hn::BroadcastSignBit(u));
  }

  /// u of `counts` rows, 0 ... 32767.
  HWY_INLINE void add_rows(const LaneSteps::At& steps, VShort u, VShort counts) {
    const VShort sign = hn::BroadcastSignBit(u);
    update = hn::Add(update, multiply_pairs(u, hn::Sub(hn::Xor(counts, sign), sign)));
    dropped = hn::Add(dropped, multiply_pairs(steps.rest(u), counts));
    negatives = hn::Add(negatives, hn::And(counts, sign));
  }

  /// Adds to sums [network].
  void add_to(LayerSums* sums, const LaneSteps& steps, std::size_t lane) const {
    const Short d;
    HWY_ALIGN std::uint16_t counts[hn::MaxLanes(d)];
    HWY_ALIGN std::uint32_t updates[hn::MaxLanes(d)], all_dropped[hn::MaxLanes(d)];
    const hn::RebindToUnsigned<Middle> dm;
    hn::Store(hn::BitCast(dm, update), dm, updates);
    hn::Store(hn::BitCast(dm, dropped), dm, all_dropped);
    hn::Store(hn::BitCast(ShortU(), negatives), ShortU(), counts);
    for (std::size_t i = 0; i < hn::Lanes(dm); ++i) {
      const std::uint64_t far_dropped = steps.far_dropped(lane + 2 * i);
      LayerSums& of = sums[member_of(lane + 2 * i)];
      of.abs_update += updates[i];
      of.dropped += all_dropped[i];
      if (far_dropped != 0)
        of.dropped += WideSum{std::uint32_t{counts[2 * i]} + counts[2 * i + 1]} * far_dropped;
    }
  }
};

/// Weights of a row, moved by a step.
template <Range kRange, Counting kCounting>
HWY_INLINE void add_lane_step(const Update& of, std::size_t i, std::size_t lane, VShort step,
                              UnitCounts<kCounting>& counts) {
  counts.add_step(step);
  add_to_row<kRange>(of, of.weights + of.index[i] * cell_lanes + lane, step, counts);
}

/// Rows `first` to `end` - 1, of a vector of lanes from `lane` on, at random. kFarUpdate: P is
/// shifted by 16 places or more; kFarStep: u is, of some network.
template <Range kRange, bool kFarUpdate, bool kFarStep, Counting kCounting>
HWY_INLINE void update_random_rows(const PackUpdate& update, std::size_t first, std::size_t end,
                                   std::size_t lane, const LaneSteps::At& steps,
                                   const ErrorPairs& errors, LaneSums& sums,
                                   UnitCounts<kCounting>& counts) {
  const Short d;
  const Update& of = update.of;
  constexpr int round = static_cast<int>(Round::stochastic);
  RowPairs rows;
  for (; first < end; first += RowPairs::most) {
    const std::size_t count = std::min(end - first, RowPairs::most);
    rows.make<kFarUpdate>(update, first, count);
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t i = first + n;
      const VMiddle pairs = rows.at(n);
      const VShort inputs = kFarUpdate ? set_pairs(pair_of(update.x[i], 0)) : hn::BitCast(d, pairs);
      MiddlePair products(multiply_pairs(errors.lower, inputs),
                          multiply_pairs(errors.upper, inputs));
      if (kFarUpdate) products.add({pairs, pairs});
      const VShort u = round_update<round, kRange>(of, products.lower, products.upper, {}, counts);
      sums.add<kFarStep>(steps, u);
      counts.add_update(u);
      if constexpr (kCounting != Counting::known) counts.add_ends(u);
      const std::uint32_t place = update.place[i];
      const VShort random = update.high(update.master, place);
      const VShort high = steps.high_half<kFarStep>(u, of.master_bits);
      VShort up = hn::VecFromMask(d, hn::Gt(high, random));
      if constexpr (kFarStep) {
        const auto ties = hn::Eq(random, high);
        if (HWY_UNLIKELY(!hn::AllFalse(d, ties))) {
          const VShort low = update.steps->low_half(u, of.master_bits, lane);
          const auto low_up = hn::Gt(low, update.low(update.low_master, place));
          up = hn::Or(up, hn::VecFromMask(d, hn::And(ties, low_up)));
        }
      }
      add_lane_step<kRange>(of, i, lane, hn::Sub(steps.quotient(u), up), counts);
    }
  }
}

/// The same, where nothing is random.
template <int kRound, Range kRange, Counting kCounting>
HWY_INLINE void update_lane_rows(const PackUpdate& update, std::size_t first, std::size_t end,
                                 std::size_t lane, const LaneSteps::At& steps,
                                 const ErrorPairs& errors, LaneSums& sums,
                                 UnitCounts<kCounting>& counts) {
  const Update& of = update.of;
  const auto constant = static_cast<std::int16_t>(of.constant_is_wide ? 0 : of.constant);
  for (std::size_t i = first; i < end; ++i) {
    const MiddlePair products = row_products<kRound>(of, errors, pair_of(update.x[i], constant));
    const VShort u = round_update<kRound, kRange>(of, products.lower, products.upper, {}, counts);
    sums.add<true>(steps, u);
    counts.add_update(u);
    add_lane_step<kRange>(of, i, lane, steps.round<kRound>(u), counts);
  }
}

/// Rows of one x, where nothing is random.
template <int kRound, Range kRange, Counting kCounting>
HWY_INLINE void update_lane_stretch(const PackUpdate& update, Stretch rows, std::size_t lane,
                                    const LaneSteps::At& steps, const ErrorPairs& errors,
                                    LaneSums& sums, UnitCounts<kCounting>& counts) {
  const Short d;
  const Update& of = update.of;
  const auto constant = static_cast<std::int16_t>(of.constant_is_wide ? 0 : of.constant);
  const MiddlePair products =
      row_products<kRound>(of, errors, pair_of(update.x[rows.begin], constant));
  const VShort u = round_update<kRound, kRange>(of, products.lower, products.upper, {}, counts);
  const VShort all = hn::Set(d, static_cast<std::int16_t>(rows.end - rows.begin));
  sums.add_rows(steps, u, all);
  counts.add_updates(u, all);
  const VShort step = steps.round<kRound>(u);
  if (hn::AllTrue(d, hn::Eq(step, hn::Zero(d)))) return;
  UnitCounts<kCounting> of_rows;
  for (std::size_t i = rows.begin; i < rows.end; ++i)
    add_lane_step<kRange>(of, i, lane, step, of_rows);
  counts.add(of_rows);
}

/// The same, at random: as update_random_stretch.
template <Range kRange, bool kFarUpdate, bool kFarStep, Counting kCounting>
HWY_INLINE void update_random_lane_stretch(const PackUpdate& update, Stretch rows, std::size_t lane,
                                           const LaneSteps::At& steps, const ErrorPairs& errors,
                                           LaneSums& sums, UnitCounts<kCounting>& counts) {
  const Short d;
  const Middle dm;
  const Update& of = update.of;
  const VMiddle one = hn::Set(dm, 1);
  const VShort x = set_pairs(pair_of(update.x[rows.begin], 0));
  const VMiddle lower = multiply_pairs(errors.lower, x), upper = multiply_pairs(errors.upper, x);
  const VMiddle lower_quotient = hn::ShiftRightSame(lower, of.gradient.shift);
  const VMiddle upper_quotient = hn::ShiftRightSame(upper, of.gradient.shift);
  const VShort u = into_words<kRange>(lower_quotient, upper_quotient, of.gradient_range);
  const VShort next = into_words<kRange>(hn::Add(lower_quotient, one), hn::Add(upper_quotient, one),
                                         of.gradient_range);
  // As Threshold has it, but V where it has 2^32 - 1 - V.
  const Threshold not_next = random_threshold(lower, upper, of.gradient_bits, of.gradient.shift);
  const VShort to_next = hn::Not(not_next.high);
  const std::uint32_t bits = of.master_bits;
  const VShort high = steps.high_half<kFarStep>(u, bits);
  const VShort high_change = hn::Xor(high, steps.high_half<kFarStep>(next, bits));
  const VShort step = steps.quotient(u);
  const VShort step_change = hn::Sub(steps.quotient(next), step);
  VShort nexts = hn::Zero(d);  // how many u are one more
  UnitCounts<kCounting> of_rows;
  std::size_t place = update.place[rows.begin];
  for (std::size_t i = rows.begin; i < rows.end; ++i, ++place) {
    const VShort for_u = update.high(update.gradient, place);
    const VShort for_step = update.high(update.master, place);
    VShort is_next = hn::VecFromMask(d, hn::Gt(to_next, for_u));
    VShort to_up = hn::Xor(high, hn::And(high_change, is_next));
    VShort up = hn::VecFromMask(d, hn::Gt(to_up, for_step));
    if constexpr (kFarUpdate || kFarStep) {
      VShort ties = hn::Zero(d);
      if (kFarUpdate) ties = hn::VecFromMask(d, hn::Eq(for_u, to_next));
      if (kFarStep) ties = hn::Or(ties, hn::VecFromMask(d, hn::Eq(for_step, to_up)));
      if (HWY_UNLIKELY(!hn::AllFalse(d, hn::MaskFromVec(ties)))) {
        const auto above = [&](VShort half, VShort random, VShort low_half, VShort low) {
          return hn::VecFromMask(d, hn::Or(hn::Gt(half, random),
                                           hn::And(hn::Eq(half, random), hn::Gt(low_half, low))));
        };
        is_next =
            above(to_next, for_u, hn::Not(not_next.low), update.low(update.low_gradient, place));
        to_up = hn::Xor(high, hn::And(high_change, is_next));
        const VShort low =
            hn::IfThenElse(hn::MaskFromVec(is_next), update.steps->low_half(next, bits, lane),
                           update.steps->low_half(u, bits, lane));
        up = above(to_up, for_step, low, update.low(update.low_master, place));
      }
    }
    nexts = hn::Sub(nexts, is_next);
    add_lane_step<kRange>(of, i, lane, hn::Sub(hn::Add(step, hn::And(step_change, is_next)), up),
                          of_rows);
  }
  counts.add(of_rows);
  const VShort all = hn::Set(d, static_cast<std::int16_t>(rows.end - rows.begin));
  sums.add_rows(steps, u, hn::Sub(all, nexts));
  sums.add_rows(steps, next, nexts);
  counts.add_updates(u, hn::Sub(all, nexts));
  counts.add_updates(next, nexts);
}

/// Counts u of the ends of x, where nothing is random: they are the ends of all u.
template <int kRound, Range kRange, Counting kCounting>
HWY_INLINE void count_ends(const PackUpdate& update, const ErrorPairs& errors,
                           UnitCounts<kCounting>& counts) {
  const Update& of = update.of;
  const auto constant = static_cast<std::int16_t>(of.constant_is_wide ? 0 : of.constant);
  for (const std::int16_t x : {update.least_x, update.most_x}) {
    const MiddlePair products = row_products<kRound>(of, errors, pair_of(x, constant));
    counts.add_ends(round_update<kRound, kRange>(of, products.lower, products.upper, {}, counts));
  }
}

/// Updates all rows, fewer than 2^15, of a vector of lanes from `lane` on. Adds to sums [network]
/// and, where it counts, to `counted`.
template <int kRound, Range kRange, bool kFarUpdate, bool kFarStep, Counting kCounting>
HWY_NOINLINE void update_lanes(const PackUpdate& given, std::size_t lane, VShort d_of_lanes,
                               LayerSums* sums, CellCounts* counted) {
  constexpr bool is_random = kRound == static_cast<int>(Round::stochastic);
  const PackUpdate update = given;  // which no store can reach, so that it stays in registers
  const LaneSteps::At steps = update.steps->at(lane);
  const ErrorPairs errors(d_of_lanes);
  LaneSums of_lanes;
  UnitCounts<kCounting> counts;
  const auto update_some = [&](std::size_t first, std::size_t end) {
    if constexpr (is_random)
      update_random_rows<kRange, kFarUpdate, kFarStep>(update, first, end, lane, steps, errors,
                                                       of_lanes, counts);
    else
      update_lane_rows<kRound, kRange>(update, first, end, lane, steps, errors, of_lanes, counts);
  };
  std::size_t done = 0;
  if constexpr (kCounting != Counting::any)  // else each row is looked at
    for (const Stretch& stretch : update.of.stretches) {
      update_some(done, stretch.begin);
      if constexpr (is_random)
        update_random_lane_stretch<kRange, kFarUpdate, kFarStep>(update, stretch, lane, steps,
                                                                 errors, of_lanes, counts);
      else
        update_lane_stretch<kRound, kRange>(update, stretch, lane, steps, errors, of_lanes, counts);
      done = stretch.end;
    }
  update_some(done, update.of.rows);
  of_lanes.add_to(sums, *update.steps, lane);
  if constexpr (kCounting != Counting::none) {
    if constexpr (!is_random)
      if (update.of.updates_fit) count_ends<kRound, kRange>(update, errors, counts);
    counted->add(counts, lane);
  }
}

using UpdateLanes = void (*)(const PackUpdate&, std::size_t, VShort, LayerSums*, CellCounts*);

template <int kRound, Range kRange, Counting kCounting>
UpdateLanes lanes_kernel(bool far_update, bool far_step) {
  if constexpr (kRound == static_cast<int>(Round::stochastic)) {
    if (far_update)
      return far_step ? update_lanes<kRound, kRange, true, true, kCounting>
                      : update_lanes<kRound, kRange, true, false, kCounting>;
    if (far_step) return update_lanes<kRound, kRange, false, true, kCounting>;
  }
  return update_lanes<kRound, kRange, false, false, kCounting>;
}

/// The kernels for a rounding and an overflow of both gradient and master: those that count, or the
/// one that does not.
struct LanesKernels {
  std::array<UpdateLanes, 4> kernels{};  // [counting]

  UpdateLanes& of(Counting counting) { return kernels[static_cast<std::size_t>(counting)]; }
};

template <class Counts>
LanesKernels lanes_kernels(const Format& gradient, const Format& master, bool far_update,
                           bool far_step) {
  return with_round(gradient.round, [&](auto round) {
    LanesKernels kernels;
    const auto kernel = [&]<Range kRange, Counting kCounting>() {
      kernels.of(kCounting) = lanes_kernel<round(), kRange, kCounting>(far_update, far_step);
    };
    if constexpr (Counts::counts) {  // where nothing overflows, all overflows are the same
      kernel.template operator()<Range::saturate_16, Counting::known>();
      kernel.template operator()<Range::saturate_16, Counting::in_range>();
      kernel.template operator()<Range::any, Counting::any>();
    } else {
      const Range range = range_of(gradient, master);
      if (range == Range::saturate_16)
        kernel.template operator()<Range::saturate_16, Counting::none>();
      else if (range == Range::clamp)
        kernel.template operator()<Range::clamp, Counting::none>();
      else
        kernel.template operator()<Range::wrap, Counting::none>();
    }
    return kernels;
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
