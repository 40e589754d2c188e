// Updates in 32-bit words, for each rounding and overflow, and what they count.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_MIDDLE_UPDATE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_MIDDLE_UPDATE_INL_HPP
#undef GRIDRUN_HOST_MIDDLE_UPDATE_INL_HPP
#else
#define GRIDRUN_HOST_MIDDLE_UPDATE_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "engines/cpu/general/draws-inl.hpp"
#include "engines/cpu/general/update_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Middle = hn::ScalableTag<std::int32_t>;
using MiddleU = hn::RebindToUnsigned<Middle>;
using VMiddle = hn::Vec<Middle>;

/// How words overflow: what a kernel is compiled for. `any` is looked up at run time.
enum class MiddleRange { any, wrap_32, wrap, clamp };

inline MiddleRange middle_range_of(const Format& format) {
  if (format.bits > 32) return MiddleRange::wrap_32;  // guarded, it does not overflow
  if (format.overflow != Overflow::wrap) return MiddleRange::clamp;
  return format.bits == 32 ? MiddleRange::wrap_32 : MiddleRange::wrap;
}

template <MiddleRange kRange>
HWY_INLINE VMiddle into_range(VMiddle value, const WordRange<std::int32_t>& range) {
  const Middle d;
  if constexpr (kRange == MiddleRange::wrap_32) return value;
  if constexpr (kRange == MiddleRange::wrap)
    return hn::ShiftRightSame(hn::ShiftLeftSame(value, range.spare_bits), range.spare_bits);
  if constexpr (kRange == MiddleRange::clamp)
    return hn::Min(hn::Max(value, hn::Set(d, range.smallest)), hn::Set(d, range.largest));
  return overflow_lanes(d, value, range);
}

/// The odd lanes where the even ones were.
HWY_INLINE VMiddle odd_to_even(VMiddle v) {
  return hn::BitCast(Middle(), hn::ShiftRight<32>(hn::BitCast(WideU(), v)));
}

/// 32-bit lanes of which each is the low half of a 64-bit one, shifted right by n, 0 ... 32.
HWY_INLINE VMiddle low_of_shifted(VWide even, VWide odd, int n) {
  const Middle d;
  const WideU du;
  return hn::OddEven(hn::BitCast(d, hn::ShiftLeftSame(hn::BitCast(du, odd), 32 - n)),
                     hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(du, even), n)));
}

/// R of 1 to 31 bits from random words of which the bits `bits` may be set.
HWY_INLINE VMiddle random_middle(const std::uint32_t* words, std::uint32_t bits, int shift) {
  const MiddleU du;
  const auto word = hn::And(hn::LoadU(du, words), hn::Set(du, bits));
  return hn::BitCast(Middle(), hn::ShiftRightSame(word, 32 - shift));
}

/// What one update needs, the same for all units.
struct MiddleUpdate {
  const std::size_t* offsets;  // [row], of its weights
  const std::int32_t* x;       // [row]
  std::size_t rows;
  std::size_t rows_a_sum;  // whose |u| and dropped rests surely sum up in 32 bits
  std::int32_t* weights;
  RowNoise<std::uint32_t> for_gradient, for_master;
  Rounding<std::int32_t> gradient, step;
  WordRange<std::int32_t> gradient_range, master_range;
  Round gradient_round, master_round;
  std::uint32_t gradient_bits, master_bits;  // the highest bits of random words that count
};

/// Sums of pairs of 32-bit lanes.
HWY_INLINE hn::Vec<WideU> pair_sums(hn::Vec<MiddleU> sums) {
  const WideU du;
  const auto pairs = hn::BitCast(du, sums);
  return hn::Add(hn::And(pairs, hn::Set(du, 0xffffffff)), hn::ShiftRight<32>(pairs));
}
HWY_INLINE VWide pair_sums(VMiddle sums) {
  const VMiddle one = hn::Set(Middle(), 1);
  return hn::Add(hn::MulEven(sums, one), hn::MulEven(odd_to_even(sums), one));
}

/// How many lanes are true, added to lanes of 32 bits, and these to lanes of 64.
class LaneCount {
 public:
  HWY_INLINE LaneCount() : rows_(hn::Zero(MiddleU())), all_(hn::Zero(WideU())) {}

  template <class Mask>
  HWY_INLINE void add(Mask mask) {
    const Middle d;
    const MiddleU du;
    rows_ = hn::Sub(rows_, hn::BitCast(du, hn::VecFromMask(d, mask)));
  }
  HWY_INLINE void end_rows() {
    all_ = hn::Add(all_, pair_sums(rows_));
    rows_ = hn::Zero(MiddleU());
  }
  HWY_INLINE std::uint64_t total() const { return hn::GetLane(hn::SumOfLanes(WideU(), all_)); }

 private:
  hn::Vec<MiddleU> rows_;
  hn::Vec<WideU> all_;
};

/// What an update of a layer counts.
template <int kRound, MiddleRange kRange, Counting kCounting>
class MiddleCounts {
 public:
  HWY_INLINE MiddleCounts() : step_(hn::Zero(Middle())), all_steps_(hn::Zero(Wide())) {
    least_update_ = most_update_ = least_weight_ = most_weight_ = hn::Zero(Middle());
  }

  /// u, before and after it overflows.
  HWY_INLINE void add_update(VMiddle quotient, VMiddle u) {
    const Middle d;
    no_updates_.add(hn::Eq(u, hn::Zero(d)));
    if constexpr (looks_at_updates) {
      least_update_ = hn::Min(least_update_, quotient);
      most_update_ = hn::Max(most_update_, quotient);
    }
    if constexpr (any && may_be_short) kept_updates_.add(hn::Eq(u, quotient));
  }

  /// w, and w + step before and after it overflows.
  HWY_INLINE void add_step(VMiddle before, VMiddle step, VMiddle moved, VMiddle after) {
    const Middle d;
    no_steps_.add(hn::Eq(step, hn::Zero(d)));
    step_ = hn::Add(step_, step);
    least_weight_ = hn::Min(least_weight_, moved);
    most_weight_ = hn::Max(most_weight_, moved);
    if constexpr (any && may_be_short) kept_weights_.add(hn::Eq(after, moved));
    if constexpr (any && may_be_whole)
      left_32_bits_.add(hn::Lt(hn::And(hn::Xor(before, moved), hn::Xor(step, moved)), hn::Zero(d)));
  }

  /// Ends so many rows of a vector of units.
  HWY_INLINE void end_rows(std::size_t rows) {
    places_ += rows * hn::Lanes(Middle());
    for (LaneCount* count :
         {&no_updates_, &no_steps_, &kept_updates_, &kept_weights_, &left_32_bits_})
      count->end_rows();
    all_steps_ = hn::Add(all_steps_, pair_sums(step_));
    step_ = hn::Zero(Middle());
  }

  void add_to(UpdateCounts& counts) const {
    const Middle d;
    constexpr std::int64_t of_33_bits = 0xffffffff;  // as every w + step that leaves 32
    counts.updates = places_ - no_updates_.total();
    counts.steps = places_ - no_steps_.total();
    counts.added = hn::GetLane(hn::SumOfLanes(Wide(), all_steps_));
    if constexpr (looks_at_updates) {
      counts.least_update = hn::GetLane(hn::MinOfLanes(d, least_update_));
      counts.most_update = hn::GetLane(hn::MaxOfLanes(d, most_update_));
    }
    counts.least_weight = hn::GetLane(hn::MinOfLanes(d, least_weight_));
    counts.most_weight = hn::GetLane(hn::MaxOfLanes(d, most_weight_));
    if constexpr (any && may_be_short) {
      counts.overflowed_updates = places_ - kept_updates_.total();
      counts.overflowed_weights = places_ - kept_weights_.total();
    }
    const std::uint64_t left = left_32_bits_.total();
    counts.overflowed_weights += left;
    if (left != 0) counts.most_weight = of_33_bits;
  }

 private:
  static constexpr bool any = kCounting == Counting::any;
  // The ends of u follow from those of P, but for random bits.
  static constexpr bool looks_at_updates =
      kRound == any_round || kRound == static_cast<int>(Round::stochastic);
  // Formats may have fewer bits than words, or as many.
  static constexpr bool may_be_short = kRange != MiddleRange::wrap_32;
  static constexpr bool may_be_whole = kRange == MiddleRange::wrap_32 || kRange == MiddleRange::any;

  std::uint64_t places_ = 0;  // lanes in all rows
  LaneCount no_updates_, no_steps_, kept_updates_, kept_weights_, left_32_bits_;
  VMiddle step_;  // the sum of steps of some rows
  VWide all_steps_;
  VMiddle least_update_, most_update_, least_weight_, most_weight_;
};

template <int kRound, MiddleRange kRange>
struct MiddleCounts<kRound, kRange, Counting::none> {
  HWY_INLINE void add_update(VMiddle, VMiddle) {}
  HWY_INLINE void add_step(VMiddle, VMiddle, VMiddle, VMiddle) {}
  HWY_INLINE void end_rows(std::size_t) {}
  HWY_INLINE void add_to(UpdateCounts&) const {}
};

/// Updates the units from j on that a vector holds, in every row. `errors` are their d.
template <int kRound, MiddleRange kRange, Counting kCounting>
HWY_INLINE void update_units(const MiddleUpdate& update, std::size_t j, VMiddle errors,
                             hn::Vec<WideU>& sum_update, hn::Vec<WideU>& sum_dropped,
                             MiddleCounts<kRound, kRange, kCounting>& counts) {
  constexpr bool any = kRound == any_round;
  constexpr bool stochastic = kRound == static_cast<int>(Round::stochastic);
  constexpr bool floor = kRound == static_cast<int>(Round::floor);
  const Middle d;
  const MiddleU du;
  const VMiddle odd_errors = odd_to_even(errors);
  std::int32_t* const weights = update.weights + j;
  for (std::size_t i = 0; i < update.rows;) {
    const std::size_t first = i, end = std::min(update.rows, i + update.rows_a_sum);
    auto updates = hn::Zero(du), rests = hn::Zero(du);
    for (; i < end; ++i) {
      const VMiddle x = hn::Set(d, update.x[i]);
      const VWide even = hn::MulEven(errors, x), odd = hn::MulEven(odd_errors, x);
      VMiddle quotient = low_of_shifted(even, odd, update.gradient.shift);
      VMiddle random = hn::Zero(d);
      if (!floor) {
        if (stochastic || (any && update.gradient_round == Round::stochastic))
          random = random_middle(update.for_gradient.row(i) + j, update.gradient_bits,
                                 update.gradient.shift);
        const VMiddle rest =
            hn::And(low_of_shifted(even, odd, 0), hn::Set(d, update.gradient.mask));
        const VMiddle sign = low_of_shifted(even, odd, 32);
        quotient = round_quotient<kRound>(d, quotient, rest, sign, update.gradient, random);
      }
      const VMiddle u = into_range<kRange>(quotient, update.gradient_range);
      counts.add_update(quotient, u);
      updates = hn::Add(updates, hn::BitCast(du, hn::Abs(u)));
      rests = hn::Add(rests, hn::BitCast(du, hn::And(u, hn::Set(d, update.step.mask))));
      const bool draws = stochastic || (any && update.master_round == Round::stochastic);
      random =
          draws ? random_middle(update.for_master.row(i) + j, update.master_bits, update.step.shift)
                : hn::Zero(d);
      const VMiddle step = round_lanes<kRound>(d, u, update.step, random);
      std::int32_t* const w = weights + update.offsets[i];
      const VMiddle before = hn::Load(d, w), moved = hn::Add(before, step);
      const VMiddle after = into_range<kRange>(moved, update.master_range);
      counts.add_step(before, step, moved, after);
      hn::Store(after, d, w);
    }
    sum_update = hn::Add(sum_update, pair_sums(updates));
    sum_dropped = hn::Add(sum_dropped, pair_sums(rests));
    counts.end_rows(end - first);
  }
}

/// Updates all units that have an error.
template <int kRound, MiddleRange kRange, Counting kCounting>
HWY_NOINLINE void update_layer(const MiddleUpdate& update, const std::int32_t* errors,
                               std::size_t stride, LayerSums& sums, UpdateCounts& counted) {
  const Middle d;
  const WideU du;
  auto sum_update = hn::Zero(du), sum_dropped = hn::Zero(du);
  MiddleCounts<kRound, kRange, kCounting> counts;
  for (std::size_t j = 0; j < stride; j += hn::Lanes(d)) {
    const VMiddle d_of_units = hn::LoadU(d, errors + j);
    if (hn::AllTrue(d, hn::Eq(d_of_units, hn::Zero(d)))) continue;
    update_units(update, j, d_of_units, sum_update, sum_dropped, counts);
  }
  sums.abs_update += hn::GetLane(hn::SumOfLanes(du, sum_update));
  sums.dropped += hn::GetLane(hn::SumOfLanes(du, sum_dropped));
  counts.add_to(counted);
}

using UpdateMiddleLayer = void (*)(const MiddleUpdate&, const std::int32_t*, std::size_t,
                                   LayerSums&, UpdateCounts&);

template <int kRound, Counting kCounting>
UpdateMiddleLayer update_for(MiddleRange range) {
  // Where nothing overflows, all overflows are the same.
  if constexpr (kCounting == Counting::in_range)
    return update_layer<kRound, MiddleRange::wrap_32, kCounting>;
  switch (range) {
    case MiddleRange::wrap_32:
      return update_layer<kRound, MiddleRange::wrap_32, kCounting>;
    case MiddleRange::wrap:
      return update_layer<kRound, MiddleRange::wrap, kCounting>;
    case MiddleRange::clamp:
      return update_layer<kRound, MiddleRange::clamp, kCounting>;
    case MiddleRange::any:
      break;
  }
  return update_layer<any_round, MiddleRange::any, kCounting>;
}

/// The kernel compiled for a network's roundings and overflows, if gradient and master have the
/// same.
template <Counting kCounting>
UpdateMiddleLayer update_for(const Format& gradient, const Format& master) {
  const MiddleRange range = middle_range_of(gradient);
  const bool alike = kCounting == Counting::in_range || range == middle_range_of(master);
  if (gradient.round == master.round && alike)
    return with_round(gradient.round,
                      [&](auto round) { return update_for<round(), kCounting>(range); });
  return update_for<any_round, kCounting>(MiddleRange::any);
}

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
