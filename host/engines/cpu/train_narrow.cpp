// Trains a neuron of a group in 32-bit weights. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/train_narrow.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <limits>
#include <type_traits>
#include <variant>

#include "engines/cpu/narrow_products-inl.hpp"
#include "engines/cpu/narrow_update-inl.hpp"
#include "engines/cpu/neuron.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE U64 bits(V64 v) { return hn::BitCast(du64, v); }

/// The low 32 bits of even >> shift and odd >> shift, lane by lane: arithmetic or logical is the
/// same there, because shift <= 32. `complement` is 32 - shift.
HWY_INLINE V32 low_of_shifted(V64 even, V64 odd, U64 shift_even, U64 complement_odd) {
  return hn::OddEven(hn::BitCast(d32, hn::Shl(bits(odd), complement_odd)),
                     hn::BitCast(d32, hn::Shr(bits(even), shift_even)));
}

/// Constants of a neuron, one a lane.
struct Constants {
  V32 is_narrow[vectors];  // all bits or none
  V32 lr[vectors];
  V32 one[vectors];
  U64 fraction_even[vectors], complement_odd[vectors];
  U64 out_of_range_even[vectors], out_of_range_odd[vectors];  // bits that no |z| may have

  HWY_INLINE Constants(const GroupSetting& setting, LaneSet narrow_lanes) {
    HWY_ALIGN std::int32_t narrow[group_lanes];
    for (std::size_t lane = 0; lane < group_lanes; ++lane)
      narrow[lane] = holds(narrow_lanes, lane) ? -1 : 0;
    const U64 low = hn::Set(du64, 0xffffffff), all = hn::Set(du64, ~std::uint64_t{0});
    const U64 range_bits = hn::Set(du64, static_cast<std::uint64_t>(setting.activation_bits));
    for (std::size_t v = 0; v < vectors; ++v) {
      const V32 fraction = hn::Load(d32, setting.fraction.data() + v * width);
      const U64 even = hn::And(hn::BitCast(du64, fraction), low);
      const U64 odd = hn::ShiftRight<32>(hn::BitCast(du64, fraction));
      is_narrow[v] = hn::Load(d32, narrow + v * width);
      lr[v] = hn::Min(hn::Load(d32, setting.lr.data() + v * width), hn::Set(d32, largest_shift));
      one[v] = hn::Shl(hn::Set(d32, 1), fraction);
      fraction_even[v] = even;
      complement_odd[v] = hn::Sub(hn::Set(du64, 32), odd);
      out_of_range_even[v] = hn::Shl(all, hn::Add(even, range_bits));
      out_of_range_odd[v] = hn::Shl(all, hn::Add(odd, range_bits));
    }
  }
};

HWY_INLINE LaneSet nonzero_lanes(const V32 (&values)[vectors]) {
  LaneSet lanes = 0;
  for (std::size_t v = 0; v < vectors; ++v) {
    std::uint8_t bits[8] = {};
    hn::StoreMaskBits(d32, hn::Ne(values[v], hn::Zero(d32)), bits);
    lanes |= static_cast<LaneSet>(bits[0] | bits[1] << 8U) << (v * width);
  }
  return lanes;
}

constexpr std::size_t half_lanes = group_lanes / 2;

/// Where half of the lanes begins that has all bits of `lanes`: at 0, 1/4 or 1/2 of them. If there
/// is none, group_lanes.
HWY_INLINE std::size_t half_with(LaneSet lanes) {
  constexpr LaneSet mask = (LaneSet{1} << half_lanes) - 1;
  for (const std::size_t begin : {std::size_t{0}, half_lanes, half_lanes / 2})
    if ((lanes & ~(mask << begin)) == 0) return begin;
  return group_lanes;
}

/// Whether some lane is above `limit`.
HWY_INLINE bool any_above(const V32 (&values)[vectors], std::int32_t limit) {
  V32 largest = values[0];
  for (std::size_t v = 1; v < vectors; ++v) largest = hn::Max(largest, values[v]);
  return !hn::AllFalse(d32, hn::Gt(largest, hn::Set(d32, limit)));
}

/// The largest of all lanes.
HWY_INLINE std::int32_t largest_of(const V32 (&values)[vectors]) {
  V32 largest = values[0];
  for (std::size_t v = 1; v < vectors; ++v) largest = hn::Max(largest, values[v]);
  return hn::GetLane(hn::MaxOfLanes(d32, largest));
}

/// The largest |w| of each lane.
HWY_NOINLINE void largest_weights(const Neuron& neuron, V32 (&largest)[vectors]) {
  for (V32& lanes : largest) lanes = hn::Zero(d32);
  for (std::size_t k = 0; k < neuron.inputs; ++k)
    for (std::size_t v = 0; v < vectors; ++v) {
      const std::int32_t* w = neuron.narrow_weights.get() + k * group_lanes + v * width;
      largest[v] = hn::Max(largest[v], hn::Abs(hn::Load(d32, w)));
    }
}

/// Lanes above half of narrow_weight_limit.
HWY_INLINE LaneSet lanes_above_half(const V32 (&values)[vectors]) {
  V32 above[vectors];
  for (std::size_t v = 0; v < vectors; ++v)
    above[v] = hn::VecFromMask(d32, hn::Gt(values[v], hn::Set(d32, narrow_weight_limit / 2)));
  return nonzero_lanes(above);
}

/// Raises the bound on |w| by what one update may add; when it runs out, looks for the largest |w|.
/// Returns the lanes that must leave before the update: without them, |w| certainly stays in
/// narrow_weight_limit.
HWY_INLINE LaneSet raise_bound(const V32 (&abs_d)[vectors], int input_bits,
                               const Constants& constants, Neuron& neuron,
                               TrainingStatistics& statistics) {
  V32 growths[vectors];
  for (std::size_t v = 0; v < vectors; ++v)  // |u >> lr| <= (|d| 2^input_bits >> lr) + 1
    growths[v] =
        hn::Add(hn::Shr(hn::ShiftLeftSame(abs_d[v], input_bits), constants.lr[v]), hn::Set(d32, 1));
  const std::int32_t growth = largest_of(growths);
  WeightBound& weights = *neuron.weight_bound;
  if (weights.bound + growth > weights.scan_at) {
    ++statistics.weight_scans;
    V32 largest[vectors];
    largest_weights(neuron, largest);
    weights = WeightBound(largest_of(largest), weights.is_short);
    // Half of the limit must be left, or scans would follow on one another.
    if (weights.bound > narrow_weight_limit / 2) return lanes_above_half(largest);
    if (weights.bound + growth > weights.scan_at) weights = WeightBound(weights.bound, false);
    // Then a lane grows by more than the half that is left.
    if (weights.bound + growth > weights.scan_at) return lanes_above_half(growths);
  }
  weights.bound += growth;
  return 0;
}

HWY_INLINE void store_activations(const V32 (&a)[vectors], double* to) {
  const hn::RebindToFloat<Lanes64> reals;
  for (std::size_t v = 0; v < vectors; ++v) {
    hn::StoreU(hn::PromoteTo(reals, hn::LowerHalf(a[v])), reals, to + v * width);
    hn::StoreU(hn::PromoteTo(reals, hn::UpperHalf(Half32(), a[v])), reals,
               to + v * width + width / 2);
  }
}

/// In an entry of a log that is about some lanes: puts the others below any activation.
HWY_INLINE void hide_others(LaneSet lanes, double* activations) {
  for (std::size_t lane = 0; lane < group_lanes; ++lane)
    if (!holds(lanes, lane)) activations[lane] = -std::numeric_limits<double>::infinity();
}

/// The magnitudes of sums z that are not clamped: |z|, or |z| - 1 where z < 0.
HWY_INLINE U64 size_of(V64 z) { return bits(hn::Xor(hn::BroadcastSignBit(z), z)); }

/// The lanes where |z| is out of range.
HWY_NOINLINE LaneSet lanes_out_of_range(const V64 (&z_even)[vectors], const V64 (&z_odd)[vectors],
                                        const Constants& constants) {
  HWY_ALIGN std::uint64_t even[width / 2], odd[width / 2];
  LaneSet lanes = 0;
  for (std::size_t v = 0; v < vectors; ++v) {
    hn::Store(hn::And(size_of(z_even[v]), constants.out_of_range_even[v]), du64, even);
    hn::Store(hn::And(size_of(z_odd[v]), constants.out_of_range_odd[v]), du64, odd);
    for (std::size_t i = 0; i < width / 2; ++i) {
      const LaneSet pair = LaneSet{even[i] != 0} | LaneSet{odd[i] != 0} << 1;
      lanes |= pair << (v * width + 2 * i);
    }
  }
  return lanes;
}

/// The least and the largest z, d and what updates count, over a block.
struct StepCounts {
  // Of z all bits of ~z below 0, and of z above: the highest are those of the ends.
  V64 below_even[vectors], above_even[vectors], below_odd[vectors], above_odd[vectors];
  V32 least_short[vectors], most_short[vectors];  // of z too
  V32 least_error[vectors], most_error[vectors];  // of d
  BlockCounts updates;

  HWY_INLINE StepCounts() {
    for (std::size_t v = 0; v < vectors; ++v) {
      below_even[v] = above_even[v] = below_odd[v] = above_odd[v] = hn::Zero(d64);
      least_short[v] = most_short[v] = least_error[v] = most_error[v] = hn::Zero(d32);
    }
  }
  template <bool kOneFraction>
  HWY_INLINE void add_sums(const LongProducts<kOneFraction>& z) {
    const auto add = [](V64 some, V64& below, V64& above) {
      const V64 sign = hn::BroadcastSignBit(some);
      below = hn::Or(below, hn::AndNot(some, sign));
      above = hn::Or(above, hn::AndNot(sign, some));
    };
    for (std::size_t v = 0; v < vectors; ++v) {
      add(z.even[v], below_even[v], above_even[v]);
      add(z.odd[v], below_odd[v], above_odd[v]);
    }
  }
  template <bool kOneFraction>
  HWY_INLINE void add_sums(const ShortProducts<kOneFraction>& z) {
    for (std::size_t v = 0; v < vectors; ++v) {
      least_short[v] = hn::Min(least_short[v], z.total(v));
      most_short[v] = hn::Max(most_short[v], z.total(v));
    }
  }
  HWY_INLINE void add_errors(const V32 (&d)[vectors]) {
    for (std::size_t v = 0; v < vectors; ++v) {
      least_error[v] = hn::Min(least_error[v], d[v]);
      most_error[v] = hn::Max(most_error[v], d[v]);
    }
  }
  void add_to(NeuronCounts& counts) {
    updates.add_some();
    HWY_ALIGN std::int64_t sums[4][width / 2];
    HWY_ALIGN std::int32_t short_sums[2][width], errors[2][width];
    for (std::size_t v = 0; v < vectors; ++v) {
      hn::Store(hn::Not(below_even[v]), d64, sums[0]);
      hn::Store(hn::Not(below_odd[v]), d64, sums[1]);
      hn::Store(above_even[v], d64, sums[2]);
      hn::Store(above_odd[v], d64, sums[3]);
      hn::Store(least_short[v], d32, short_sums[0]);
      hn::Store(most_short[v], d32, short_sums[1]);
      hn::Store(least_error[v], d32, errors[0]);
      hn::Store(most_error[v], d32, errors[1]);
      for (std::size_t i = 0; i < width; ++i)
        for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
          counts.sum.add(v * width + i, sums[2 * end + i % 2][i / 2]);
          counts.sum.add(v * width + i, short_sums[end][i]);
          counts.error.add(v * width + i, errors[end][i]);
        }
    }
    for (std::size_t lane = 0; lane < group_lanes; ++lane) {
      counts.update.add(lane, updates.least_update[lane]);
      counts.update.add(lane, updates.most_update[lane]);
      counts.weight.add(lane, updates.least_weight[lane]);
      counts.weight.add(lane, updates.most_weight[lane]);
      counts.updates[lane] += updates.updates[lane];
      counts.lost[lane] += updates.lost[lane];
      counts.product[lane] += updates.products[lane];
    }
  }
};

/// What an update counts: as little as its errors, which are above 0 only where they may rise, and
/// its inputs allow.
HWY_INLINE Counting counting_for(const GroupSetting& setting, const SparseSample& sample,
                                 bool may_rise, const V32 (&d)[vectors]) {
  const auto& [fours, twos, ones] = sample.counts[1];  // of negative inputs
  if (setting.some_vanish || (fours | twos | ones) != 0) return Counting::any;
  return may_rise && any_above(d, 0) ? Counting::any : Counting::falling;
}

/// Trains the weights of the lanes by one sample, in the way that is the fastest for its errors.
template <bool kOneFraction, Counting kCounting>
HWY_INLINE void update_by(const GroupSetting& setting, const SparseSample& sample,
                          const V32 (&d)[vectors], bool is_long, LaneSet lanes, std::int32_t* w,
                          BlockSums& sums, BlockCounts* counts, TrainingStatistics& statistics) {
  HWY_ALIGN std::int32_t errors[group_lanes];
  for (std::size_t v = 0; v < vectors; ++v) hn::Store(d[v], d32, errors + v * width);
  if (is_long) {
    update<true, group_lanes, kOneFraction, kCounting>(setting, sample, errors, 0, w, sums, counts);
    ++statistics.long_update_sums;
  } else if (const std::size_t half = half_with(lanes); half != group_lanes) {
    update<false, half_lanes, kOneFraction, kCounting>(setting, sample, errors, half, w, sums,
                                                       counts);
    ++statistics.half_updates;
  } else {
    update<false, group_lanes, kOneFraction, kCounting>(setting, sample, errors, 0, w, sums,
                                                        counts);
  }
}

template <bool kOneFraction, bool kDiagnose>
HWY_NOINLINE NarrowEnd train(const StepBlock& block, std::uint32_t begin, Neuron& neuron,
                             ActivationLog& log, TrainingStatistics& statistics) {
  const GroupSetting& setting = *block.setting;
  const bool relu = setting.activation == Activation::relu;
  std::int32_t* const w = neuron.narrow_weights.get();
  const Constants constants(setting, neuron.narrow_lanes);
  BlockSums block_sums;
  std::conditional_t<kDiagnose, StepCounts, std::monostate> counts;
  const auto count_sums = [&]([[maybe_unused]] const auto& products) {
    if constexpr (kDiagnose) counts.add_sums(products);
  };

  const SparseSample* next = block.samples->of_step(std::uint64_t{block.first} + begin);
  std::uint64_t short_steps = 0;
  NarrowEnd reached{begin, 0};
  std::uint32_t& i = reached.step;
  for (; i < block.steps; ++i, next = block.samples->after(next)) {
    const SparseSample& sample = *next;
    V64 z_even[vectors], z_odd[vectors];
    // With every |w| at most error_limit / 2^fraction, the sum of |w x| fits 31 bits.
    if (neuron.weight_bound->is_short && static_cast<std::uint32_t>(neuron.weight_bound->bound) <=
                                             sample.error_limit >> setting.finest_fraction) {
      const Inputs<kOneFraction> inputs(setting.short_inputs, sample);
      sum_products<ShortProducts>(sample, w, inputs, z_even, z_odd, count_sums);
      ++short_steps;
    } else {
      const Inputs<kOneFraction> inputs(setting.narrow_inputs, sample);
      sum_products<LongProducts>(sample, w, inputs, z_even, z_odd, count_sums);
    }

    U64 out_of_range = hn::Zero(du64), any = hn::Zero(du64);
    for (std::size_t v = 0; v < vectors; ++v) {
      if (relu) {
        z_even[v] = hn::AndNot(hn::BroadcastSignBit(z_even[v]), z_even[v]);
        z_odd[v] = hn::AndNot(hn::BroadcastSignBit(z_odd[v]), z_odd[v]);
        any = hn::Or(any, bits(hn::Or(z_even[v], z_odd[v])));
      }
      const U64 size_even = relu ? bits(z_even[v]) : size_of(z_even[v]);
      const U64 size_odd = relu ? bits(z_odd[v]) : size_of(z_odd[v]);
      out_of_range = hn::Or(out_of_range, hn::Or(hn::And(size_even, constants.out_of_range_even[v]),
                                                 hn::And(size_odd, constants.out_of_range_odd[v])));
    }
    if (relu && hn::AllTrue(du64, hn::Eq(any, hn::Zero(du64)))) continue;  // a = 0, so d = 0
    if (!hn::AllTrue(du64, hn::Eq(out_of_range, hn::Zero(du64)))) {
      reached.leaving = lanes_out_of_range(z_even, z_odd, constants);
      break;
    }

    V32 a[vectors], d[vectors], abs_d[vectors];
    const bool is_label = sample.label == neuron.index;
    for (std::size_t v = 0; v < vectors; ++v) {
      a[v] = low_of_shifted(z_even[v], z_odd[v], constants.fraction_even[v],
                            constants.complement_odd[v]);
      const V32 target = is_label ? constants.one[v] : hn::Zero(d32);
      d[v] = hn::Sub(target, a[v]);
      if (relu)
        d[v] = hn::IfThenElseZero(hn::Gt(a[v], hn::Zero(d32)), d[v]);
      else
        d[v] = hn::And(d[v], constants.is_narrow[v]);
      abs_d[v] = hn::Abs(d[v]);
    }
    if (const LaneSet lanes = nonzero_lanes(d); lanes != 0) {
      reached.leaving = raise_bound(abs_d, setting.input_bits, constants, neuron, statistics);
      if (reached.leaving != 0) break;
      const bool is_long = any_above(abs_d, static_cast<std::int32_t>(sample.error_limit));
      const auto update = [&](auto counting, BlockCounts* of_updates) {
        update_by<kOneFraction, counting()>(setting, sample, d, is_long, lanes, w, block_sums,
                                            of_updates, statistics);
      };
      if constexpr (!kDiagnose) {
        update(std::integral_constant<Counting, Counting::none>(), nullptr);
      } else {
        counts.add_errors(d);
        if (counting_for(setting, sample, is_label || !relu, d) == Counting::falling) {
          update(std::integral_constant<Counting, Counting::falling>(), &counts.updates);
          ++statistics.falling_updates;
        } else {
          update(std::integral_constant<Counting, Counting::any>(), &counts.updates);
        }
      }
    }
    double* const activations = log.add(i);
    store_activations(a, activations);
    if (!relu) hide_others(neuron.narrow_lanes, activations);
  }
  statistics.short_steps += short_steps;
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    neuron.sum_update[lane] += static_cast<WideSum>(block_sums.update[lane]);
    neuron.sum_abs_update[lane] += static_cast<WideSum>(block_sums.abs_update[lane]);
  }
  if constexpr (kDiagnose) counts.add_to(*neuron.counts);
  return reached;
}

NarrowEnd train_narrow_target(const StepBlock& block, std::uint32_t begin, Neuron& neuron,
                              ActivationLog& log, TrainingStatistics& statistics) {
  if (neuron.counts)
    return block.setting->one_fraction ? train<true, true>(block, begin, neuron, log, statistics)
                                       : train<false, true>(block, begin, neuron, log, statistics);
  return block.setting->one_fraction ? train<true, false>(block, begin, neuron, log, statistics)
                                     : train<false, false>(block, begin, neuron, log, statistics);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(train_narrow_target);
}  // namespace

NarrowEnd train_narrow(const StepBlock& block, std::uint32_t begin, Neuron& neuron,
                       ActivationLog& log, TrainingStatistics& statistics) {
  return HWY_DYNAMIC_DISPATCH(train_narrow_target)(block, begin, neuron, log, statistics);
}

}  // namespace gridrun
#endif
