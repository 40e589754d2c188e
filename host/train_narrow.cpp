// Trains a neuron of a group in 32-bit weights. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train_narrow.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "narrow_products-inl.hpp"
#include "narrow_update-inl.hpp"
#include "neuron.hpp"

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

/// Constants of a group, one a lane.
struct Constants {
  V32 lr[vectors];
  V32 one[vectors];
  U64 fraction_even[vectors], complement_odd[vectors];
  U64 out_of_range_even[vectors], out_of_range_odd[vectors];  // bits that no |z| may have

  explicit HWY_INLINE Constants(const GroupSetting& setting) {
    const U64 low = hn::Set(du64, 0xffffffff), all = hn::Set(du64, ~std::uint64_t{0});
    const U64 range_bits = hn::Set(du64, static_cast<std::uint64_t>(setting.activation_bits));
    for (std::size_t v = 0; v < vectors; ++v) {
      const V32 fraction = hn::Load(d32, setting.fraction.data() + v * width);
      const U64 even = hn::And(hn::BitCast(du64, fraction), low);
      const U64 odd = hn::ShiftRight<32>(hn::BitCast(du64, fraction));
      lr[v] = hn::Min(hn::Load(d32, setting.lr.data() + v * width), hn::Set(d32, largest_shift));
      one[v] = hn::Shl(hn::Set(d32, 1), fraction);
      fraction_even[v] = even;
      complement_odd[v] = hn::Sub(hn::Set(du64, 32), odd);
      out_of_range_even[v] = hn::Shl(all, hn::Add(even, range_bits));
      out_of_range_odd[v] = hn::Shl(all, hn::Add(odd, range_bits));
    }
  }
};

/// A bit for each lane that is not zero.
HWY_INLINE unsigned nonzero_lanes(const V32 (&values)[vectors]) {
  unsigned lanes = 0;
  for (std::size_t v = 0; v < vectors; ++v) {
    std::uint8_t bits[8] = {};
    hn::StoreMaskBits(d32, hn::Ne(values[v], hn::Zero(d32)), bits);
    lanes |= (bits[0] | bits[1] << 8U) << (v * width);
  }
  return lanes;
}

constexpr std::size_t half_lanes = group_lanes / 2;

/// Where half of the lanes begins that has all bits of `lanes`: at 0, 1/4 or 1/2 of them. If there
/// is none, group_lanes.
HWY_INLINE std::size_t half_with(unsigned lanes) {
  constexpr unsigned mask = (1U << half_lanes) - 1;
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

HWY_INLINE std::int32_t largest_lane(V32 v) { return hn::GetLane(hn::MaxOfLanes(d32, v)); }

/// The largest |w| of a neuron.
HWY_NOINLINE std::int32_t largest_weight(const Neuron& neuron) {
  V32 largest = hn::Zero(d32);
  for (std::size_t i = 0; i < neuron.inputs * group_lanes; i += width)
    largest = hn::Max(largest, hn::Abs(hn::Load(d32, neuron.narrow_weights.get() + i)));
  return largest_lane(largest);
}

/// Raises the bound on |w| by what one update may add; when it runs out, looks for the largest |w|.
/// Returns whether |w| certainly stays in narrow_weight_limit.
HWY_INLINE bool raise_bound(const V32 (&abs_d)[vectors], int input_bits, const Constants& constants,
                            Neuron& neuron, TrainingStatistics& statistics) {
  V32 steps = hn::Zero(d32);
  for (std::size_t v = 0; v < vectors; ++v)  // |u >> lr| <= (|d| 2^input_bits >> lr) + 1
    steps = hn::Max(steps, hn::Shr(hn::ShiftLeftSame(abs_d[v], input_bits), constants.lr[v]));
  const std::int32_t growth = largest_lane(steps) + 1;
  WeightBound& weights = *neuron.weight_bound;
  if (weights.bound + growth > weights.scan_at) {
    ++statistics.weight_scans;
    weights = WeightBound(largest_weight(neuron), weights.is_short);
    // Half of the limit must be left, or scans would follow on one another.
    if (weights.bound > narrow_weight_limit / 2) return false;
    if (weights.bound + growth > weights.scan_at) weights = WeightBound(weights.bound, false);
    if (weights.bound + growth > weights.scan_at) return false;
  }
  weights.bound += growth;
  return true;
}

HWY_INLINE void store_activations(const V32 (&a)[vectors], double* to) {
  const hn::RebindToFloat<Lanes64> reals;
  for (std::size_t v = 0; v < vectors; ++v) {
    hn::StoreU(hn::PromoteTo(reals, hn::LowerHalf(a[v])), reals, to + v * width);
    hn::StoreU(hn::PromoteTo(reals, hn::UpperHalf(Half32(), a[v])), reals,
               to + v * width + width / 2);
  }
}

template <bool kOneFraction>
HWY_NOINLINE std::uint32_t train(const StepBlock& block, Neuron& neuron, ActivationLog& log,
                                 TrainingStatistics& statistics) {
  const GroupSetting& setting = *block.setting;
  const bool relu = setting.activation == Activation::relu;
  std::int32_t* const w = neuron.narrow_weights.get();
  const Constants constants(setting);
  BlockSums block_sums;

  const SparseSample* next = block.samples->of_step(block.first);
  std::uint64_t short_steps = 0;
  std::uint32_t i = 0;
  for (; i < block.steps; ++i, next = block.samples->after(next)) {
    const SparseSample& sample = *next;
    V64 z_even[vectors], z_odd[vectors];
    // With every |w| at most error_limit / 2^fraction, the sum of |w x| fits 31 bits.
    if (neuron.weight_bound->is_short && static_cast<std::uint32_t>(neuron.weight_bound->bound) <=
                                             sample.error_limit >> setting.finest_fraction) {
      const Inputs<kOneFraction> inputs(setting.short_inputs, sample);
      sum_products<ShortProducts>(sample, w, inputs, z_even, z_odd);
      ++short_steps;
    } else {
      const Inputs<kOneFraction> inputs(setting.narrow_inputs, sample);
      sum_products<LongProducts>(sample, w, inputs, z_even, z_odd);
    }

    U64 out_of_range = hn::Zero(du64), any = hn::Zero(du64);
    for (std::size_t v = 0; v < vectors; ++v) {
      const V64 sign_even = hn::BroadcastSignBit(z_even[v]);
      const V64 sign_odd = hn::BroadcastSignBit(z_odd[v]);
      if (relu) {
        z_even[v] = hn::AndNot(sign_even, z_even[v]);
        z_odd[v] = hn::AndNot(sign_odd, z_odd[v]);
        any = hn::Or(any, bits(hn::Or(z_even[v], z_odd[v])));
      }
      const V64 size_even = relu ? z_even[v] : hn::Xor(sign_even, z_even[v]);
      const V64 size_odd = relu ? z_odd[v] : hn::Xor(sign_odd, z_odd[v]);
      out_of_range =
          hn::Or(out_of_range, hn::Or(hn::And(bits(size_even), constants.out_of_range_even[v]),
                                      hn::And(bits(size_odd), constants.out_of_range_odd[v])));
    }
    if (relu && hn::AllTrue(du64, hn::Eq(any, hn::Zero(du64)))) continue;  // a = 0, so d = 0
    if (!hn::AllTrue(du64, hn::Eq(out_of_range, hn::Zero(du64)))) break;

    V32 a[vectors], d[vectors], abs_d[vectors];
    const bool is_label = sample.label == neuron.index;
    for (std::size_t v = 0; v < vectors; ++v) {
      a[v] = low_of_shifted(z_even[v], z_odd[v], constants.fraction_even[v],
                            constants.complement_odd[v]);
      const V32 target = is_label ? constants.one[v] : hn::Zero(d32);
      d[v] = hn::Sub(target, a[v]);
      if (relu) d[v] = hn::IfThenElseZero(hn::Gt(a[v], hn::Zero(d32)), d[v]);
      abs_d[v] = hn::Abs(d[v]);
    }
    if (const unsigned lanes = nonzero_lanes(d); lanes != 0) {
      if (!raise_bound(abs_d, setting.input_bits, constants, neuron, statistics)) break;
      HWY_ALIGN std::int32_t errors[group_lanes];
      for (std::size_t v = 0; v < vectors; ++v) hn::Store(d[v], d32, errors + v * width);
      if (any_above(abs_d, static_cast<std::int32_t>(sample.error_limit))) {
        update<true, group_lanes, kOneFraction>(setting, sample, errors, 0, w, block_sums);
        ++statistics.long_update_sums;
      } else if (const std::size_t begin = half_with(lanes); begin != group_lanes) {
        update<false, half_lanes, kOneFraction>(setting, sample, errors, begin, w, block_sums);
        ++statistics.half_updates;
      } else {
        update<false, group_lanes, kOneFraction>(setting, sample, errors, 0, w, block_sums);
      }
    }
    store_activations(a, log.add(i));
  }
  statistics.short_steps += short_steps;
  for (std::size_t lane = 0; lane < group_lanes; ++lane) {
    neuron.sum_update[lane] += static_cast<WideSum>(block_sums.update[lane]);
    neuron.sum_abs_update[lane] += static_cast<WideSum>(block_sums.abs_update[lane]);
  }
  return i;
}

std::uint32_t train_narrow_target(const StepBlock& block, Neuron& neuron, ActivationLog& log,
                                  TrainingStatistics& statistics) {
  return block.setting->one_fraction ? train<true>(block, neuron, log, statistics)
                                     : train<false>(block, neuron, log, statistics);
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

std::uint32_t train_narrow(const StepBlock& block, Neuron& neuron, ActivationLog& log,
                           TrainingStatistics& statistics) {
  return HWY_DYNAMIC_DISPATCH(train_narrow_target)(block, neuron, log, statistics);
}

}  // namespace gridrun
#endif
