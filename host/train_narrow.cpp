// Trains a neuron of a group in 32-bit weights, 64-bit sums. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train_narrow.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "neuron.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// A group's lanes lie in one or more vectors of 32-bit lanes. 64-bit values of the even and of the
// odd lanes lie in vectors of their own, because that is how a multiplication yields them.
using Lanes32 = hn::CappedTag<std::int32_t, group_lanes>;
using Lanes64 = hn::RepartitionToWide<Lanes32>;
using Unsigned64 = hn::RebindToUnsigned<Lanes64>;
using Half32 = hn::Half<Lanes32>;
using V32 = hn::Vec<Lanes32>;
using V64 = hn::Vec<Lanes64>;
using U64 = hn::Vec<Unsigned64>;
constexpr Lanes32 d32;
constexpr Lanes64 d64;
constexpr Unsigned64 du64;
constexpr std::size_t width = hn::MaxLanes(d32);
constexpr std::size_t vectors = group_lanes / width;
static_assert(vectors * width == group_lanes);

/// The odd lanes where the even ones were.
HWY_INLINE V32 odd_to_even(V32 v) {
  return hn::BitCast(d32, hn::ShiftRight<32>(hn::BitCast(du64, v)));
}

HWY_INLINE U64 bits(V64 v) { return hn::BitCast(du64, v); }

/// The low 32 bits of even >> shift and odd >> shift, lane by lane: arithmetic or logical is the
/// same there, because shift <= 32. `complement` is 32 - shift.
HWY_INLINE V32 low_of_shifted(V64 even, V64 odd, U64 shift_even, U64 complement_odd) {
  return hn::OddEven(hn::BitCast(d32, hn::Shl(bits(odd), complement_odd)),
                     hn::BitCast(d32, hn::Shr(bits(even), shift_even)));
}

/// Constants of a group, one a lane.
struct Constants {
  V32 lr[vectors];  // at most 31, which does the same to 32-bit values as more
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
      lr[v] = hn::Min(hn::Load(d32, setting.lr.data() + v * width), hn::Set(d32, 31));
      one[v] = hn::Shl(hn::Set(d32, 1), fraction);
      fraction_even[v] = even;
      complement_odd[v] = hn::Sub(hn::Set(du64, 32), odd);
      out_of_range_even[v] = hn::Shl(all, hn::Add(even, range_bits));
      out_of_range_odd[v] = hn::Shl(all, hn::Add(odd, range_bits));
    }
  }
};

/// The inputs x of the lanes: one for all, or with several fractions one for each.
template <bool kOneFraction>
struct Inputs {
  const std::int32_t* x;  // [value], or [value][lane]

  HWY_INLINE V32 even(std::uint32_t value, std::size_t v) const {
    if constexpr (kOneFraction)
      return hn::Set(d32, x[value]);
    else
      return hn::LoadU(d32, x + value * group_lanes + v * width);
  }
  HWY_INLINE V32 odd(V32 even) const {
    if constexpr (kOneFraction)
      return even;
    else
      return odd_to_even(even);
  }
};

/// Adds the products of `count` chunks of kRows rows to the sums z. Returns the end of the chunks.
template <std::size_t kRows, bool kOneFraction>
HWY_INLINE const std::uint32_t* add_products(const std::uint32_t* HWY_RESTRICT chunk,
                                             std::uint32_t count,
                                             const std::int32_t* HWY_RESTRICT w,
                                             Inputs<kOneFraction> inputs, V64 (&z_even)[vectors],
                                             V64 (&z_odd)[vectors]) {
  for (const std::uint32_t* end = chunk + count * (1 + kRows); chunk != end; chunk += 1 + kRows)
    for (std::size_t v = 0; v < vectors; ++v) {
      V32 weight = hn::Load(d32, w + chunk[1] + v * width);
      for (std::size_t row = 1; row < kRows; ++row)
        weight = hn::Add(weight, hn::Load(d32, w + chunk[1 + row] + v * width));
      const V32 x = inputs.even(chunk[0], v);
      z_even[v] = hn::Add(z_even[v], hn::MulEven(weight, x));
      z_odd[v] = hn::Add(z_odd[v], hn::MulEven(odd_to_even(weight), inputs.odd(x)));
    }
  return chunk;
}

/// Sums of u over one sample and inputs of one sign, a lane each: in 32 bits where they fit.
template <bool kLong>
struct UpdateSums;

template <>
struct UpdateSums<false> {
  V32 sum[vectors];

  HWY_INLINE UpdateSums() {
    for (V32& s : sum) s = hn::Zero(d32);
  }
  HWY_INLINE void add(V32 u, std::size_t v) { sum[v] = hn::Add(sum[v], u); }
  /// Adds other sums 2^kShift times.
  template <int kShift>
  HWY_INLINE void add(const UpdateSums& other) {
    for (std::size_t v = 0; v < vectors; ++v)
      sum[v] = hn::Add(sum[v], hn::ShiftLeft<kShift>(other.sum[v]));
  }
  HWY_INLINE V64 low(std::size_t v) const { return hn::PromoteTo(d64, hn::LowerHalf(sum[v])); }
  HWY_INLINE V64 high(std::size_t v) const {
    return hn::PromoteTo(d64, hn::UpperHalf(Half32(), sum[v]));
  }
};

template <>
struct UpdateSums<true> {
  V64 low_sum[vectors], high_sum[vectors];

  HWY_INLINE UpdateSums() {
    for (V64& s : low_sum) s = hn::Zero(d64);
    for (V64& s : high_sum) s = hn::Zero(d64);
  }
  HWY_INLINE void add(V32 u, std::size_t v) {
    low_sum[v] = hn::Add(low_sum[v], hn::PromoteTo(d64, hn::LowerHalf(u)));
    high_sum[v] = hn::Add(high_sum[v], hn::PromoteTo(d64, hn::UpperHalf(Half32(), u)));
  }
  template <int kShift>
  HWY_INLINE void add(const UpdateSums& other) {
    for (std::size_t v = 0; v < vectors; ++v) {
      low_sum[v] = hn::Add(low_sum[v], hn::ShiftLeft<kShift>(other.low_sum[v]));
      high_sum[v] = hn::Add(high_sum[v], hn::ShiftLeft<kShift>(other.high_sum[v]));
    }
  }
  HWY_INLINE V64 low(std::size_t v) const { return low_sum[v]; }
  HWY_INLINE V64 high(std::size_t v) const { return high_sum[v]; }
};

/// Errors d of a step, lane by lane.
struct Errors {
  V32 d[vectors];
  V32 odd[vectors];  // the odd lanes where the even ones were

  HWY_INLINE Errors() {}  // an implicit one would not be compiled for the SIMD target
};

/// What the products of an update are made of, in registers: stores to weights may change whatever
/// a reference refers to.
struct UpdateTerms {
  V32 d[vectors], d_odd[vectors], lr[vectors];
  U64 fraction_even[vectors], complement_odd[vectors];

  HWY_INLINE UpdateTerms(const Errors& errors, const Constants& constants) {
    for (std::size_t v = 0; v < vectors; ++v) {
      d[v] = errors.d[v];
      d_odd[v] = errors.odd[v];
      lr[v] = constants.lr[v];
      fraction_even[v] = constants.fraction_even[v];
      complement_odd[v] = constants.complement_odd[v];
    }
  }
};

/// The vectors of a group that an update is about.
template <std::size_t kBegin, std::size_t kEnd>
struct Range {
  static constexpr std::size_t begin = kBegin, end = kEnd;
};
using All = Range<0, vectors>;
using Lower = Range<0, (vectors + 1) / 2>;
using Upper = Range<vectors / 2, vectors>;

/// Adds u >> lr to the rows of `count` chunks, and u once a row to `sums`. Returns the end of the
/// chunks.
template <std::size_t kRows, class Vectors, bool kOneFraction, class Sums>
HWY_INLINE const std::uint32_t* add_updates(const std::uint32_t* HWY_RESTRICT chunk,
                                            std::uint32_t count, std::int32_t* HWY_RESTRICT w,
                                            Inputs<kOneFraction> inputs, const UpdateTerms& terms,
                                            Sums& sums) {
  Sums once;
  for (const std::uint32_t* end = chunk + count * (1 + kRows); chunk != end; chunk += 1 + kRows)
    for (std::size_t v = Vectors::begin; v < Vectors::end; ++v) {
      const V32 x = inputs.even(chunk[0], v);
      const V32 u =
          low_of_shifted(hn::MulEven(terms.d[v], x), hn::MulEven(terms.d_odd[v], inputs.odd(x)),
                         terms.fraction_even[v], terms.complement_odd[v]);
      once.add(u, v);
      const V32 step = hn::Shr(u, terms.lr[v]);
      for (std::size_t row = 0; row < kRows; ++row) {
        std::int32_t* at = w + chunk[1 + row] + v * width;
        hn::Store(hn::Add(hn::Load(d32, at), step), d32, at);
      }
    }
  sums.template add<kRows / 2>(once);  // 4, 2, 1 times
  return chunk;
}

/// 64-bit sums over a block, [vector][low or high half][lane].
struct BlockSums {
  HWY_ALIGN std::int64_t update[group_lanes] = {};
  HWY_ALIGN std::int64_t abs_update[group_lanes] = {};

  HWY_INLINE void add(V64 sum, std::size_t lane) {
    hn::Store(hn::Add(hn::Load(d64, update + lane), sum), d64, update + lane);
    hn::Store(hn::Add(hn::Load(d64, abs_update + lane), hn::Abs(sum)), d64, abs_update + lane);
  }
};

/// Trains the weights on one sample. Not inlined: with all its kinds in one function, compilers
/// take minutes under the sanitizers.
template <bool kLong, class Vectors, bool kOneFraction>
HWY_NOINLINE void update(const SparseSample& sample, std::int32_t* w, Inputs<kOneFraction> inputs,
                         const Errors& errors, const Constants& constants, BlockSums& block_sums) {
  const UpdateTerms terms(errors, constants);
  const std::uint32_t* chunk = sample.chunks;
  for (const auto& [fours, twos, ones] : sample.counts) {
    if ((fours | twos | ones) == 0) continue;
    UpdateSums<kLong> sums;
    chunk = add_updates<4, Vectors>(chunk, fours, w, inputs, terms, sums);
    chunk = add_updates<2, Vectors>(chunk, twos, w, inputs, terms, sums);
    chunk = add_updates<1, Vectors>(chunk, ones, w, inputs, terms, sums);
    // d and the inputs of one sign give updates of one sign: their |sum| is the sum of |u|.
    for (std::size_t v = Vectors::begin; v < Vectors::end; ++v) {
      block_sums.add(sums.low(v), v * width);
      block_sums.add(sums.high(v), v * width + width / 2);
    }
  }
}

/// Whether some lane of the vectors is above `limit`.
template <class Vectors = All>
HWY_INLINE bool any_above(const V32 (&values)[vectors], std::int32_t limit) {
  V32 largest = values[Vectors::begin];
  for (std::size_t v = Vectors::begin + 1; v < Vectors::end; ++v)
    largest = hn::Max(largest, values[v]);
  return !hn::AllFalse(d32, hn::Gt(largest, hn::Set(d32, limit)));
}

/// Raises the bounds on |w| by what one update may add; when they run out, finds the largest |w|.
/// Returns whether |w| certainly stays in narrow_weight_limit.
HWY_INLINE bool raise_bounds(const V32 (&abs_d)[vectors], int input_bits,
                             const Constants& constants, Neuron& neuron,
                             TrainingStatistics& statistics) {
  std::int32_t* const bound = neuron.weight_bound.data();
  V32 growth[vectors], raised[vectors];
  for (std::size_t v = 0; v < vectors; ++v) {  // |u >> lr| <= (|d| 2^input_bits >> lr) + 1
    growth[v] =
        hn::Add(hn::Shr(hn::ShiftLeftSame(abs_d[v], input_bits), constants.lr[v]), hn::Set(d32, 1));
    raised[v] = hn::Add(hn::Load(d32, bound + v * width), growth[v]);
  }
  if (any_above(raised, narrow_weight_limit)) {
    ++statistics.weight_scans;
    V32 largest[vectors];
    for (V32& v : largest) v = hn::Zero(d32);
    for (std::size_t k = 0; k < neuron.inputs; ++k)
      for (std::size_t v = 0; v < vectors; ++v)
        largest[v] = hn::Max(largest[v], hn::Abs(hn::Load(d32, neuron.narrow_weights.get() +
                                                                   k * group_lanes + v * width)));
    // Half of the limit must be left, or scans would follow on one another.
    if (any_above(largest, narrow_weight_limit / 2)) return false;
    for (std::size_t v = 0; v < vectors; ++v) raised[v] = hn::Add(largest[v], growth[v]);
    if (any_above(raised, narrow_weight_limit)) return false;
  }
  for (std::size_t v = 0; v < vectors; ++v) hn::Store(raised[v], d32, bound + v * width);
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
  std::uint32_t i = 0;
  for (; i < block.steps; ++i, next = block.samples->after(next)) {
    const SparseSample& sample = *next;
    const Inputs<kOneFraction> inputs{setting.narrow_inputs.data() +
                                      sample.first_value * (kOneFraction ? 1 : group_lanes)};
    V64 z_even[vectors], z_odd[vectors];
    for (std::size_t v = 0; v < vectors; ++v) z_even[v] = z_odd[v] = hn::Zero(d64);
    const std::uint32_t* chunk = sample.chunks;
    for (const auto& [fours, twos, ones] : sample.counts) {
      chunk = add_products<4>(chunk, fours, w, inputs, z_even, z_odd);
      chunk = add_products<2>(chunk, twos, w, inputs, z_even, z_odd);
      chunk = add_products<1>(chunk, ones, w, inputs, z_even, z_odd);
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

    V32 a[vectors], abs_d[vectors];
    Errors errors;
    const bool is_label = sample.label == neuron.index;
    for (std::size_t v = 0; v < vectors; ++v) {
      a[v] = low_of_shifted(z_even[v], z_odd[v], constants.fraction_even[v],
                            constants.complement_odd[v]);
      const V32 target = is_label ? constants.one[v] : hn::Zero(d32);
      errors.d[v] = hn::Sub(target, a[v]);
      if (relu) errors.d[v] = hn::IfThenElseZero(hn::Gt(a[v], hn::Zero(d32)), errors.d[v]);
      errors.odd[v] = odd_to_even(errors.d[v]);
      abs_d[v] = hn::Abs(errors.d[v]);
    }
    if (any_above(abs_d, 0)) {
      if (!raise_bounds(abs_d, setting.input_bits, constants, neuron, statistics)) break;
      if (any_above(abs_d, static_cast<std::int32_t>(sample.error_limit))) {
        update<true, All>(sample, w, inputs, errors, constants, block_sums);
        ++statistics.long_update_sums;
      } else if (!any_above<Upper>(abs_d, 0)) {
        update<false, Lower>(sample, w, inputs, errors, constants, block_sums);
      } else if (!any_above<Lower>(abs_d, 0)) {
        update<false, Upper>(sample, w, inputs, errors, constants, block_sums);
      } else {
        update<false, All>(sample, w, inputs, errors, constants, block_sums);
      }
    }
    store_activations(a, log.add(i));
  }
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
