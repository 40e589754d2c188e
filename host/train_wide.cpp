// Trains a neuron of a group in 64-bit wrapping integers. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train_wide.cpp"
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

using Lanes = hn::CappedTag<std::int64_t, group_lanes>;
using UnsignedLanes = hn::RebindToUnsigned<Lanes>;
using V = hn::Vec<Lanes>;
using U = hn::Vec<UnsignedLanes>;
constexpr Lanes d64;
constexpr UnsignedLanes du64;
constexpr std::size_t width = hn::MaxLanes(d64);
constexpr std::size_t vectors = group_lanes / width;
static_assert(vectors * width == group_lanes);

HWY_INLINE U bits(V v) { return hn::BitCast(du64, v); }

/// Shifts of one vector of lanes. A floor shift is a logical one of a number made non-negative by
/// adding 2^63, less the 2^63 as shifted.
struct FloorShift {
  U count, offset;

  explicit HWY_INLINE FloorShift(const std::int32_t* counts) {
    HWY_ALIGN std::uint64_t lanes[width];
    for (std::size_t i = 0; i < width; ++i) lanes[i] = static_cast<std::uint64_t>(counts[i]);
    count = hn::Load(du64, lanes);
    offset = hn::Shr(hn::Set(du64, std::uint64_t{1} << 63), count);
  }

  HWY_INLINE V operator()(V v) const {
    const U positive = hn::Xor(bits(v), hn::Set(du64, std::uint64_t{1} << 63));
    return hn::BitCast(d64, hn::Sub(hn::Shr(positive, count), offset));
  }
};

/// Sums of unsigned 64-bit terms over one step: of their low and of their high 32 bits, which
/// cannot overflow while there are fewer than 2^32 terms.
struct SplitSums {
  HWY_ALIGN std::uint64_t low[group_lanes] = {};
  HWY_ALIGN std::uint64_t high[group_lanes] = {};

  /// Adds `terms` 2^shift times.
  HWY_INLINE void add(U terms, int shift, std::size_t lane) {
    const U low_terms = hn::And(terms, hn::Set(du64, 0xffffffff));
    const U high_terms = hn::ShiftRight<32>(terms);
    hn::Store(hn::Add(hn::Load(du64, low + lane), hn::ShiftLeftSame(low_terms, shift)), du64,
              low + lane);
    hn::Store(hn::Add(hn::Load(du64, high + lane), hn::ShiftLeftSame(high_terms, shift)), du64,
              high + lane);
  }

  void add_to(Neuron::Sums& sums) const {
    for (std::size_t lane = 0; lane < group_lanes; ++lane)
      sums[lane] += (WideSum{high[lane]} << 32) + low[lane];
  }
};

/// One step's way through a neuron.
template <bool kOneFraction>
class Step {
 public:
  HWY_INLINE Step(const StepBlock& block, const SparseSample& sample, std::int64_t* weights)
      : sample_(sample),
        w_(weights),
        x_(block.setting->wide_inputs.data() +
           sample.first_value * (kOneFraction ? 1 : group_lanes)),
        setting_(*block.setting) {}

  /// z of all lanes.
  HWY_INLINE void sum_products(std::int64_t* z) const {
    V sums[vectors];
    for (V& sum : sums) sum = hn::Zero(d64);
    const std::uint32_t* chunk = sample_.chunks;
    for (const auto& counts : sample_.counts)
      for (std::size_t kind = 0; kind < 3; ++kind) {
        const std::size_t rows = std::size_t{4} >> kind;
        for (std::uint32_t c = 0; c < counts[kind]; ++c, chunk += 1 + rows)
          for (std::size_t v = 0; v < vectors; ++v) {
            V weight = hn::Load(d64, w_ + chunk[1] + v * width);
            for (std::size_t row = 1; row < rows; ++row)
              weight = hn::Add(weight, hn::Load(d64, w_ + chunk[1 + row] + v * width));
            sums[v] = hn::Add(sums[v], hn::Mul(weight, input(chunk[0], v)));
          }
      }
    for (std::size_t v = 0; v < vectors; ++v) hn::Store(sums[v], d64, z + v * width);
  }

  /// Updates the weights of all lanes by their errors d.
  HWY_INLINE void update(const std::int64_t* d, SplitSums& abs_update, SplitSums& dropped) {
    for (std::size_t lane = 0; lane < group_lanes; lane += width) {
      const V error = hn::Load(d64, d + lane);
      const FloorShift by_fraction(&setting_.fraction[lane]), by_lr(&setting_.lr[lane]);
      const U kept = hn::Shl(hn::Set(du64, ~std::uint64_t{0}), by_lr.count);
      const std::uint32_t* chunk = sample_.chunks;
      for (const auto& counts : sample_.counts)
        for (std::size_t kind = 0; kind < 3; ++kind) {
          const std::size_t rows = std::size_t{4} >> kind;
          for (std::uint32_t c = 0; c < counts[kind]; ++c, chunk += 1 + rows) {
            const V u = by_fraction(hn::Mul(error, input(chunk[0], lane / width)));
            const V step = by_lr(u);
            const V sign = hn::BroadcastSignBit(u);
            const int log2_rows = 2 - static_cast<int>(kind);
            abs_update.add(bits(hn::Sub(hn::Xor(u, sign), sign)), log2_rows, lane);
            dropped.add(hn::AndNot(kept, bits(u)), log2_rows, lane);
            for (std::size_t row = 0; row < rows; ++row) {
              std::int64_t* at = w_ + chunk[1 + row] + lane;
              hn::Store(hn::Add(hn::Load(d64, at), step), d64, at);
            }
          }
        }
    }
  }

 private:
  HWY_INLINE V input(std::uint32_t value, std::size_t v) const {
    if constexpr (kOneFraction)
      return hn::Set(d64, x_[value]);
    else
      return hn::LoadU(d64, x_ + value * group_lanes + v * width);
  }

  const SparseSample& sample_;
  std::int64_t* w_;        // [input][lane]
  const std::int64_t* x_;  // [value], or [value][lane]
  const GroupSetting& setting_;
};

template <bool kOneFraction>
HWY_NOINLINE void train(const StepBlock& block, std::uint32_t begin, Neuron& neuron,
                        ActivationLog& log) {
  const GroupSetting& setting = *block.setting;
  const SparseSample* next = block.samples->of_step(std::uint64_t{block.first} + begin);
  for (std::uint32_t i = begin; i < block.steps; ++i, next = block.samples->after(next)) {
    const SparseSample& sample = *next;
    Step<kOneFraction> step(block, sample, neuron.wide_weights.get());
    HWY_ALIGN std::int64_t z[group_lanes], d[group_lanes];
    step.sum_products(z);

    double* const activations = log.add(i);
    std::int64_t any_error = 0;
    for (std::size_t lane = 0; lane < group_lanes; ++lane) {
      const int fraction = setting.fraction[lane];
      const std::int64_t target =
          sample.label == neuron.index ? std::int64_t{1} << fraction : std::int64_t{0};
      activations[lane] = static_cast<double>(activate(z[lane], fraction, setting.activation));
      d[lane] = delta(target, z[lane], fraction, setting.activation);
      any_error |= d[lane];
    }
    if (any_error == 0) continue;
    SplitSums abs_update, dropped;
    step.update(d, abs_update, dropped);
    abs_update.add_to(neuron.sum_abs_update);
    dropped.add_to(neuron.sum_dropped);
  }
}

void train_wide_target(const StepBlock& block, std::uint32_t begin, Neuron& neuron,
                       ActivationLog& log) {
  if (block.setting->one_fraction)
    train<true>(block, begin, neuron, log);
  else
    train<false>(block, begin, neuron, log);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(train_wide_target);
HWY_EXPORT(target_name);
}  // namespace

void train_wide(const StepBlock& block, std::uint32_t begin, Neuron& neuron, ActivationLog& log) {
  HWY_DYNAMIC_DISPATCH(train_wide_target)(block, begin, neuron, log);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

std::int64_t built_simd_targets() { return HWY_TARGETS; }

}  // namespace gridrun
#endif
