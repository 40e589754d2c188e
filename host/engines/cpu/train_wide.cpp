// Trains the wide lanes of a neuron, in 64-bit wrapping integers. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/train_wide.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <variant>

#include "engines/cpu/neuron.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// The product of 32-bit numbers, the lower halves of 64-bit lanes.
template <class V>
HWY_INLINE V multiply_low(V a, V b) {
  const hn::Repartition<std::uint32_t, hn::DFromV<V>> d32;
  return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b));
}

// Where |x| comes from. `is_short`: |x| < 2^32, so that a 64-bit product by it takes two
// multiplications and not three.

/// One for all lanes, from the narrow inputs.
struct NarrowInputs {
  static constexpr bool is_short = true;
  const std::int32_t* x;  // [value], of one sign in a chunk

  NarrowInputs(const GroupSetting& setting, const WideLanes&, const SparseSample& sample)
      : x(setting.narrow_inputs.data() + sample.first_value) {}
  template <class D>
  HWY_INLINE hn::Vec<D> get(D d, std::uint32_t value, std::size_t) const {
    return hn::Set(d, static_cast<std::uint64_t>(std::abs(x[value])));
  }
};

/// One for all lanes.
struct SharedInputs {
  static constexpr bool is_short = false;
  const std::uint64_t* x;  // [value]

  SharedInputs(const GroupSetting& setting, const WideLanes&, const SparseSample& sample)
      : x(setting.wide_inputs.data() + sample.first_value) {}
  template <class D>
  HWY_INLINE hn::Vec<D> get(D d, std::uint32_t value, std::size_t) const {
    return hn::Set(d, x[value]);
  }
};

/// One a lane.
template <std::size_t kLanes, bool kShort>
struct OwnInputs {
  static constexpr bool is_short = kShort;
  const std::uint64_t* x;  // [value][place]

  OwnInputs(const GroupSetting&, const WideLanes& wide, const SparseSample& sample)
      : x(wide.inputs.data() + sample.first_value * kLanes) {}
  template <class D>
  HWY_INLINE hn::Vec<D> get(D d, std::uint32_t value, std::size_t place) const {
    return hn::LoadU(d, x + value * kLanes + place);
  }
};

/// Exact sums over a block, one a place.
template <std::size_t kLanes>
class BlockSums {
 public:
  enum Quantity : std::uint8_t { update, negative_update, step };  // u, u where u < 0, u >> lr

  /// Adds 64-bit sums 2^kShift times, those of places from `place` on.
  template <int kShift, class D>
  HWY_INLINE void add(D d, Quantity quantity, hn::Vec<D> some, std::size_t place) {
    const hn::Vec<D> low = hn::And(some, hn::Set(d, 0xffffffff)), high = hn::ShiftRight<32>(some);
    add<kShift>(d, low_[quantity] + place, low);
    add<kShift>(d, high_[quantity] + place, high);
  }

  void add_to(Neuron& neuron) const {
    const WideLanes& wide = neuron.wide;
    for (std::size_t place = 0; place < wide.count; ++place) {
      const std::size_t lane = wide.lane[place];
      const WideSum all = sum(update, place);
      neuron.sum_abs_update[lane] += all - 2 * sum(negative_update, place);
      neuron.sum_dropped[lane] += all - (sum(step, place) << wide.lr[place]);
      if (neuron.counts) neuron.counts->step[lane] += static_cast<SignedSum>(sum(step, place));
    }
  }

 private:
  template <int kShift, class D>
  static HWY_INLINE void add(D d, std::int64_t* to, hn::Vec<D> some) {
    hn::Store(hn::Add(hn::Load(d, to), hn::ShiftLeft<kShift>(some)), d, to);
  }
  /// Modulo 2^128, as sums of negative terms are.
  WideSum sum(Quantity quantity, std::size_t place) const {
    return (static_cast<WideSum>(high_[quantity][place]) << 32) +
           static_cast<WideSum>(low_[quantity][place]);
  }

  // Of the low and of the high 32 bits: a block has fewer than 2^31 inputs.
  HWY_ALIGN std::int64_t low_[3][kLanes] = {};
  HWY_ALIGN std::int64_t high_[3][kLanes] = {};
};

/// What updates counted over a block, one a place, where networks are diagnosed.
template <std::size_t kLanes>
class BlockCounts {
 public:
  /// Adds what `rows` weights have in common.
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE void add_update(D d, V product, V u, V step, std::int64_t rows, std::size_t place) {
    const V zero = hn::Zero(d), count = hn::Set(d, rows);
    add_ends(d, u, least_update_ + place, most_update_ + place);
    add(d, updates_ + place, hn::IfThenElseZero(hn::Ne(u, zero), count));
    add(d, steps_ + place, hn::IfThenElseZero(hn::Ne(step, zero), count));
    for (std::int64_t row = 0; row < rows; ++row) {
      add(d, low_ + place, hn::And(product, hn::Set(d, 0xffffffff)));
      add(d, high_ + place, hn::ShiftRight<32>(product));
    }
  }
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE void add_weight(D d, V w, std::size_t place) {
    add_ends(d, w, least_weight_ + place, most_weight_ + place);
  }

  void add_sum(std::size_t place, std::int64_t z) { sums_.add(place, z); }
  void add_error(std::size_t place, std::int64_t d) { errors_.add(place, d); }

  void add_to(Neuron& neuron) const {
    NeuronCounts& counts = *neuron.counts;
    for (std::size_t place = 0; place < neuron.wide.count; ++place) {
      const std::size_t lane = neuron.wide.lane[place];
      counts.sum.add(lane, sums_.least[place]);
      counts.sum.add(lane, sums_.most[place]);
      counts.error.add(lane, errors_.least[place]);
      counts.error.add(lane, errors_.most[place]);
      counts.update.add(lane, least_update_[place]);
      counts.update.add(lane, most_update_[place]);
      counts.weight.add(lane, least_weight_[place]);
      counts.weight.add(lane, most_weight_[place]);
      counts.updates[lane] += static_cast<std::uint64_t>(updates_[place]);
      counts.lost[lane] += static_cast<std::uint64_t>(updates_[place] - steps_[place]);
      counts.product[lane] += SignedSum{high_[place]} * (std::int64_t{1} << 32) + low_[place];
    }
  }

 private:
  template <class D>
  static HWY_INLINE void add(D d, std::int64_t* to, hn::Vec<D> more) {
    hn::Store(hn::Add(hn::Load(d, to), more), d, to);
  }
  template <class D>
  static HWY_INLINE void add_ends(D d, hn::Vec<D> value, std::int64_t* least, std::int64_t* most) {
    hn::Store(hn::Min(hn::Load(d, least), value), d, least);
    hn::Store(hn::Max(hn::Load(d, most), value), d, most);
  }

  HWY_ALIGN std::int64_t least_update_[kLanes] = {}, most_update_[kLanes] = {};
  HWY_ALIGN std::int64_t least_weight_[kLanes] = {}, most_weight_[kLanes] = {};
  HWY_ALIGN std::int64_t updates_[kLanes] = {}, steps_[kLanes] = {};
  HWY_ALIGN std::int64_t low_[kLanes] = {}, high_[kLanes] = {};  // of P, as in BlockSums
  NeuronCounts::Ends sums_, errors_;
};

/// One sample's way through the lanes. `Counts` is BlockCounts, or counts nothing: std::monostate.
template <std::size_t kLanes, class Inputs, class Counts>
class Step {
 public:
  HWY_INLINE Step(const GroupSetting& setting, const SparseSample& sample, WideLanes& wide)
      : sample_(sample), wide_(wide), w_(wide.weights.get()), inputs_(setting, wide, sample) {}

  /// z of all lanes.
  HWY_INLINE void sum_products(std::int64_t* z) const {
    const std::uint32_t* chunk = sample_.chunks;
    Products sums[2];  // of positive and of negative inputs
    for (std::size_t sign = 0; sign < 2; ++sign) {
      const auto& [fours, twos, ones] = sample_.counts[sign];
      chunk = add_products<4>(chunk, fours, sums[sign]);
      chunk = add_products<2>(chunk, twos, sums[sign]);
      chunk = add_products<1>(chunk, ones, sums[sign]);
    }
    for (std::size_t v = 0; v < vectors; ++v)
      hn::Store(hn::BitCast(d64, hn::Sub(sums[0].get(v), sums[1].get(v))), d64, z + v * width);
  }

  /// Updates the weights of the lanes that have an error d.
  HWY_INLINE void update(const std::int64_t* d, BlockSums<kLanes>& sums, Counts& counts) {
    for (std::size_t v = 0; v < vectors; ++v) {
      const V error = hn::Load(d64, d + v * width);
      if (!hn::AllTrue(d64, hn::Eq(error, hn::Zero(d64))))
        update(v, hn::BitCast(du64, error), sums, counts);
    }
  }

 private:
  using Block = BlockSums<kLanes>;
  using D64 = hn::CappedTag<std::int64_t, kLanes>;
  using DU64 = hn::RebindToUnsigned<D64>;
  using V = hn::Vec<D64>;
  using U = hn::Vec<DU64>;
  static constexpr D64 d64{};
  static constexpr DU64 du64{};
  static constexpr std::size_t width = hn::MaxLanes(D64()), vectors = kLanes / width;
  static_assert(vectors * width == kLanes);

  /// Sums of w |x|: those of the products whose upper halves go over the top are kept apart.
  struct Products {
    U low[vectors], high[vectors];

    HWY_INLINE Products() {
      for (std::size_t v = 0; v < vectors; ++v) low[v] = high[v] = hn::Zero(du64);
    }
    HWY_INLINE U get(std::size_t v) const { return hn::Add(low[v], hn::ShiftLeft<32>(high[v])); }
  };

  /// Adds the products of `count` chunks of kRows rows. Returns the end of the chunks.
  template <std::size_t kRows>
  HWY_INLINE const std::uint32_t* add_products(const std::uint32_t* HWY_RESTRICT chunk,
                                               std::uint32_t count, Products& sums) const {
    for (const std::uint32_t* end = chunk + count * (1 + kRows); chunk != end; chunk += 1 + kRows)
      for (std::size_t v = 0; v < vectors; ++v) {
        V weight = hn::Load(d64, row(w_, chunk[1], v));
        for (std::size_t r = 1; r < kRows; ++r)
          weight = hn::Add(weight, hn::Load(d64, row(w_, chunk[1 + r], v)));
        const U w = hn::BitCast(du64, weight), x = inputs_.get(du64, chunk[0], v * width);
        sums.low[v] = hn::Add(sums.low[v], multiply_low(w, x));
        sums.high[v] = hn::Add(sums.high[v], multiply_low(hn::ShiftRight<32>(w), x));
        if constexpr (!Inputs::is_short)
          sums.high[v] = hn::Add(sums.high[v], multiply_low(w, hn::ShiftRight<32>(x)));
      }
    return chunk;
  }

  /// Sums over some chunks, a row each.
  struct Sums {
    V update, negative_update, step;
  };

  /// Shifts of one vector of lanes. A floor shift is a logical one of a number made non-negative by
  /// adding 2^63, less the 2^63 as shifted.
  struct FloorShift {
    U count, offset;

    explicit HWY_INLINE FloorShift(V shift)
        : count(hn::BitCast(du64, hn::Min(shift, hn::Set(d64, 63)))),  // more does the same
          offset(hn::Shr(hn::Set(du64, sign_bit), count)) {}
    HWY_INLINE V operator()(U with_sign_flipped) const {
      return hn::BitCast(d64, hn::Sub(hn::Shr(with_sign_flipped, count), offset));
    }
  };

  static constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

  HWY_NOINLINE void update(std::size_t v, U error, BlockSums<kLanes>& sums, Counts& counts) {
    const hn::Rebind<std::int32_t, D64> d32;
    const V fraction = hn::PromoteTo(d64, hn::LoadU(d32, &wide_.fraction[v * width]));
    const V lr = hn::PromoteTo(d64, hn::LoadU(d32, &wide_.lr[v * width]));
    const FloorShift by_fraction(fraction), by_both(hn::Add(fraction, lr));
    const std::uint32_t* chunk = sample_.chunks;
    for (const auto& [fours, twos, ones] : sample_.counts) {
      const Update update{w_, inputs_, error, hn::ShiftRight<32>(error), by_fraction, by_both, v};
      chunk = add_updates<4>(chunk, fours, update, sums, counts);
      chunk = add_updates<2>(chunk, twos, update, sums, counts);
      chunk = add_updates<1>(chunk, ones, update, sums, counts);
      error = hn::Sub(hn::Zero(du64), error);  // the next inputs are negative
    }
  }

  /// What the chunks of one sign have in common.
  struct Update {
    std::int64_t* weights;
    Inputs inputs;
    U error, error_high;
    FloorShift by_fraction, by_both;
    std::size_t v;
  };

  /// Adds u >> lr to the rows of `count` chunks, and what they are to `block_sums`. Returns the end
  /// of the chunks.
  template <std::size_t kRows>
  HWY_INLINE const std::uint32_t* add_updates(const std::uint32_t* HWY_RESTRICT chunk,
                                              std::uint32_t count, const Update& update,
                                              BlockSums<kLanes>& block_sums, Counts& counts) {
    // |u| <= 2^(63 - fraction): so many of them sum up within 64 bits.
    const std::uint32_t most = std::uint32_t{1} << std::min(31, wide_.coarsest_fraction);
    while (count != 0) {
      const std::uint32_t some = std::min(count, most);
      Sums sums{hn::Zero(d64), hn::Zero(d64), hn::Zero(d64)};
      for (const std::uint32_t* end = chunk + some * (1 + kRows); chunk != end; chunk += 1 + kRows)
        add_update<kRows>(chunk, update, sums, counts);
      constexpr int log2_rows = kRows / 2;  // of 4, 2 and 1
      const std::size_t place = update.v * width;
      block_sums.template add<log2_rows>(d64, Block::update, sums.update, place);
      block_sums.template add<log2_rows>(d64, Block::negative_update, sums.negative_update, place);
      block_sums.template add<log2_rows>(d64, Block::step, sums.step, place);
      count -= some;
    }
    return chunk;
  }

  template <std::size_t kRows>
  HWY_INLINE void add_update(const std::uint32_t* HWY_RESTRICT chunk, const Update& update,
                             Sums& sums, Counts& counts) {
    constexpr bool counting = !std::is_same_v<Counts, std::monostate>;
    const U x = update.inputs.get(du64, chunk[0], update.v * width);
    U high = multiply_low(update.error_high, x);
    if constexpr (!Inputs::is_short)
      high = hn::Add(high, multiply_low(update.error, hn::ShiftRight<32>(x)));
    const U product = hn::Add(multiply_low(update.error, x), hn::ShiftLeft<32>(high));
    const U flipped = hn::Xor(product, hn::Set(du64, sign_bit));
    const V u = update.by_fraction(flipped), step = update.by_both(flipped);
    sums.update = hn::Add(sums.update, u);
    sums.negative_update = hn::Add(sums.negative_update, hn::And(u, hn::BroadcastSignBit(u)));
    sums.step = hn::Add(sums.step, step);
    const std::size_t place = update.v * width;
    if constexpr (counting)
      counts.add_update(d64, hn::BitCast(d64, product), u, step, kRows, place);
    for (std::size_t r = 0; r < kRows; ++r) {
      std::int64_t* at = row(update.weights, chunk[1 + r], update.v);
      const V w = hn::Add(hn::Load(d64, at), step);
      if constexpr (counting) counts.add_weight(d64, w, place);
      hn::Store(w, d64, at);
    }
  }

  /// Where the weights of a row are, by its offset in a chunk, which counts group_lanes an input.
  static HWY_INLINE std::int64_t* row(std::int64_t* weights, std::uint32_t offset, std::size_t v) {
    constexpr std::size_t bytes = sizeof(std::int64_t) * kLanes / group_lanes;
    char* const at = reinterpret_cast<char*>(weights) + std::size_t{offset} * bytes;
    return reinterpret_cast<std::int64_t*>(at) + v * width;
  }

  const SparseSample& sample_;
  const WideLanes& wide_;
  std::int64_t* const w_;  // [input][place]
  const Inputs inputs_;
};

template <std::size_t kLanes, class Inputs, class Counts>
HWY_NOINLINE void train(const StepBlock& block, std::uint32_t begin, std::uint32_t end,
                        Neuron& neuron, ActivationLog& log) {
  const GroupSetting& setting = *block.setting;
  WideLanes& wide = neuron.wide;
  BlockSums<kLanes> sums;
  constexpr bool counting = !std::is_same_v<Counts, std::monostate>;
  Counts counts;
  const SparseSample* next = block.samples->of_step(std::uint64_t{block.first} + begin);
  for (std::uint32_t i = begin; i < end; ++i, next = block.samples->after(next)) {
    const SparseSample& sample = *next;
    Step<kLanes, Inputs, Counts> step(setting, sample, wide);
    HWY_ALIGN std::int64_t z[kLanes], d[kLanes] = {};
    step.sum_products(z);
    if constexpr (counting)
      for (std::size_t place = 0; place < kLanes; ++place) counts.add_sum(place, z[place]);

    if (setting.activation == Activation::relu &&
        std::all_of(z, z + kLanes, [](std::int64_t value) { return value <= 0; }))
      continue;  // a = 0, so d = 0
    double* const activations = log.add(i);
    std::fill_n(activations, group_lanes, -std::numeric_limits<double>::infinity());
    std::int64_t any_error = 0;
    for (std::size_t place = 0; place < wide.count; ++place) {
      const int fraction = wide.fraction[place];
      const std::int64_t target =
          sample.label == neuron.index ? std::int64_t{1} << fraction : std::int64_t{0};
      activations[wide.lane[place]] =
          static_cast<double>(activate(z[place], fraction, setting.activation));
      d[place] = delta(target, z[place], fraction, setting.activation);
      any_error |= d[place];
      if constexpr (counting) counts.add_error(place, d[place]);
    }
    if (any_error != 0) step.update(d, sums, counts);
  }
  sums.add_to(neuron);
  if constexpr (counting) counts.add_to(neuron);
}

template <std::size_t kLanes, class Inputs>
void train(const StepBlock& block, std::uint32_t begin, std::uint32_t end, Neuron& neuron,
           ActivationLog& log) {
  if (neuron.counts)
    train<kLanes, Inputs, BlockCounts<kLanes>>(block, begin, end, neuron, log);
  else
    train<kLanes, Inputs, std::monostate>(block, begin, end, neuron, log);
}

template <std::size_t kLanes>
void train(const StepBlock& block, std::uint32_t begin, std::uint32_t end, Neuron& neuron,
           ActivationLog& log) {
  if (!block.setting->one_fraction) {
    if (neuron.wide.finest_fraction + block.setting->input_bits < 32)
      train<kLanes, OwnInputs<kLanes, true>>(block, begin, end, neuron, log);
    else
      train<kLanes, OwnInputs<kLanes, false>>(block, begin, end, neuron, log);
  } else if (block.setting->narrow != 0) {
    train<kLanes, NarrowInputs>(block, begin, end, neuron, log);
  } else {
    train<kLanes, SharedInputs>(block, begin, end, neuron, log);
  }
}

void train_wide_target(const StepBlock& block, std::uint32_t begin, std::uint32_t end,
                       Neuron& neuron, ActivationLog& log) {
  static_assert(group_lanes == 16);
  switch (neuron.wide.stride) {
    case 4:
      return train<4>(block, begin, end, neuron, log);
    case 8:
      return train<8>(block, begin, end, neuron, log);
    default:
      return train<16>(block, begin, end, neuron, log);
  }
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

void train_wide(const StepBlock& block, std::uint32_t begin, std::uint32_t end, Neuron& neuron,
                ActivationLog& log) {
  HWY_DYNAMIC_DISPATCH(train_wide_target)(block, begin, end, neuron, log);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

std::int64_t built_simd_targets() { return HWY_TARGETS; }

}  // namespace gridrun
#endif
