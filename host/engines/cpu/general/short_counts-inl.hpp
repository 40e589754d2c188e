// What an update counts in 16-bit words. docs/arithmetic.md, 8.7.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_SHORT_COUNTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_SHORT_COUNTS_INL_HPP
#undef GRIDRUN_HOST_SHORT_COUNTS_INL_HPP
#else
#define GRIDRUN_HOST_SHORT_COUNTS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "engines/cpu/general/short_rounding-inl.hpp"
#include "engines/cpu/general/update_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// In place of w + step where that leaves 16 bits: it then has 17, as this has.
inline constexpr std::int64_t of_17_bits = 0xffff;

/// What an update counts for one vector of units.
template <Counting kCounting>
struct UnitCounts {
  static constexpr bool any = kCounting == Counting::any;
  VShort updates, steps, least_update, most_update, least_weight, most_weight;
  // Where any is counted.
  VShort overflowed_weights, left_16_bits, least_copy, most_copy, overflowed_copies;
  MiddlePair least_quotient, most_quotient, overflowed_updates;
  VMiddle excess;  // of pairs of lanes: what overflowing took off the sum of steps

  HWY_INLINE UnitCounts() {
    updates = steps = least_update = most_update = least_weight = most_weight = hn::Zero(Short());
    if constexpr (any) {
      overflowed_weights = left_16_bits = hn::Zero(Short());
      least_copy = most_copy = overflowed_copies = hn::Zero(Short());
      excess = hn::Zero(Middle());
    }
  }

  /// Rounded quotients, of which u is made.
  HWY_INLINE void add_quotients(const Update& of, VMiddle lower, VMiddle upper) {
    if constexpr (any) {
      if (of.updates_fit) return;
      const Middle d;
      const VMiddle largest = hn::Set(d, of.gradient_range.largest);
      const VMiddle smallest = hn::Set(d, of.gradient_range.smallest);
      const auto add = [&](VMiddle some, VMiddle& least, VMiddle& most, VMiddle& overflowed) {
        least = hn::Min(least, some);
        most = hn::Max(most, some);
        const auto overflows = hn::Or(hn::Gt(some, largest), hn::Lt(some, smallest));
        overflowed = hn::Sub(overflowed, hn::VecFromMask(d, overflows));
      };
      add(lower, least_quotient.lower, most_quotient.lower, overflowed_updates.lower);
      add(upper, least_quotient.upper, most_quotient.upper, overflowed_updates.upper);
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
    if constexpr (kCounting == Counting::in_range) {
      least_weight = hn::Min(least_weight, after);
      most_weight = hn::Max(most_weight, after);
    } else if constexpr (any) {
      const Short d;
      const VShort moved = hn::SaturatedAdd(before, step), sum = hn::Add(before, step);
      least_weight = hn::Min(least_weight, moved);
      most_weight = hn::Max(most_weight, moved);
      const auto fits = hn::And(hn::Eq(moved, sum), hn::Eq(moved, after));
      if (HWY_LIKELY(hn::AllTrue(d, fits))) return;
      const VShort one = hn::Set(d, 1);
      const auto leaves = hn::Ne(moved, sum);
      const auto overflows =
          hn::Or(leaves, hn::Or(hn::Gt(moved, hn::Set(d, of.master_range.largest)),
                                hn::Lt(moved, hn::Set(d, of.master_range.smallest))));
      left_16_bits = hn::Or(left_16_bits, hn::VecFromMask(d, leaves));
      overflowed_weights = hn::Sub(overflowed_weights, hn::VecFromMask(d, overflows));
      const VMiddle all = hn::Add(multiply_pairs(before, one), multiply_pairs(step, one));
      excess = hn::Add(excess, hn::Sub(all, multiply_pairs(after, one)));
    }
  }

  /// The copy of a weight, if there is any and u is not 0.
  HWY_INLINE void add_copy(const Update& of, VShort u, VShort after) {
    if constexpr (any) {
      if (!of.has_copies) return;
      const Short d;
      const VShort copy = hn::IfThenElseZero(hn::Ne(u, hn::Zero(d)), of.copy_lanes.round(d, after));
      least_copy = hn::Min(least_copy, copy);
      most_copy = hn::Max(most_copy, copy);
      const auto overflows = hn::Or(hn::Gt(copy, hn::Set(d, of.copy_lanes.most())),
                                    hn::Lt(copy, hn::Set(d, of.copy_lanes.least())));
      overflowed_copies = hn::Sub(overflowed_copies, hn::VecFromMask(d, overflows));
    }
  }

  /// Adds steps and weights in range that were counted apart: few enough to lie in registers.
  HWY_INLINE void add(const UnitCounts& other) {
    steps = hn::Add(steps, other.steps);
    least_weight = hn::Min(least_weight, other.least_weight);
    most_weight = hn::Max(most_weight, other.most_weight);
  }

  void add_to(UpdateCounts& counts) const {
    const Short d;
    counts.updates += sum_of_lanes(updates);
    counts.steps += sum_of_lanes(steps);
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
      if (!hn::AllTrue(d, hn::Eq(left_16_bits, hn::Zero(d)))) counts.most_weight = of_17_bits;
      counts.overflowed_weights += sum_of_lanes(overflowed_weights);
      counts.least_copy = std::min(counts.least_copy, least(d, least_copy));
      counts.most_copy = std::max(counts.most_copy, most(d, most_copy));
      counts.overflowed_copies += sum_of_lanes(overflowed_copies);
      counts.least_update = std::min(
          counts.least_update, least(dm, hn::Min(least_quotient.lower, least_quotient.upper)));
      counts.most_update =
          std::max(counts.most_update, most(dm, hn::Max(most_quotient.lower, most_quotient.upper)));
      counts.overflowed_updates +=
          sum_of_lanes(overflowed_updates.lower) + sum_of_lanes(overflowed_updates.upper);
      HWY_ALIGN std::int32_t lanes[hn::MaxLanes(dm)];
      hn::Store(excess, dm, lanes);
      counts.added = std::accumulate(lanes, lanes + hn::Lanes(dm), counts.added);
    }
  }

 private:
  static HWY_INLINE VShort is_not_zero(VShort v) {
    const hn::RebindToUnsigned<Short> du;
    return hn::BitCast(Short(), hn::Min(hn::BitCast(du, v), hn::Set(du, 1)));
  }
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
  HWY_INLINE void add_copy(const Update&, VShort, VShort) {}
  HWY_INLINE void add(const UnitCounts&) {}
  void add_to(UpdateCounts&) const {}
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
