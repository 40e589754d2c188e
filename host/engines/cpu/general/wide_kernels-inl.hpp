// What a layer does in 64-bit lanes, exact for every format.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_WIDE_KERNELS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_WIDE_KERNELS_INL_HPP
#undef GRIDRUN_HOST_WIDE_KERNELS_INL_HPP
#else
#define GRIDRUN_HOST_WIDE_KERNELS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "engines/cpu/general/bounded_update-inl.hpp"
#include "engines/cpu/general/draws-inl.hpp"
#include "engines/cpu/general/layer-inl.hpp"
#include "engines/cpu/general/update_counts-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Exact sums of 64-bit lanes: 2^32 additions fit.
class WideSums {
 public:
  HWY_INLINE WideSums()
      : update_low_(hn::Zero(WideU())),
        update_high_(hn::Zero(WideU())),
        dropped_low_(hn::Zero(WideU())),
        dropped_high_(hn::Zero(WideU())) {}
  HWY_INLINE void add_update(VWide u) {
    const WideU du;
    const VWide sign = hn::BroadcastSignBit(u);
    const auto size = hn::BitCast(du, hn::Sub(hn::Xor(u, sign), sign));
    add(size, update_low_, update_high_);
  }
  HWY_INLINE void add_dropped(VWide rest) {
    add(hn::BitCast(WideU(), rest), dropped_low_, dropped_high_);
  }
  void add_to(LayerSums& sums) const {
    sums.abs_update += total(update_low_, update_high_);
    sums.dropped += total(dropped_low_, dropped_high_);
  }

 private:
  using VU = hn::Vec<WideU>;

  static HWY_INLINE void add(VU value, VU& low, VU& high) {
    low = hn::Add(low, hn::And(value, hn::Set(WideU(), 0xffffffff)));
    high = hn::Add(high, hn::ShiftRight<32>(value));
  }
  static WideSum total(VU low, VU high) {
    const WideU du;
    HWY_ALIGN std::uint64_t lows[hn::MaxLanes(du)], highs[hn::MaxLanes(du)];
    hn::Store(low, du, lows);
    hn::Store(high, du, highs);
    WideSum sum = 0;
    for (std::size_t i = 0; i < hn::Lanes(du); ++i)
      sum += (WideSum{highs[i]} << 32) + WideSum{lows[i]};
    return sum;
  }

  VU update_low_, update_high_, dropped_low_, dropped_high_;
};

/// Paragraph 5.3, of `count` units: z, at first plain sums, and a.
template <class Word, class Counts>
void activate(const Layer<Word>& layer, std::int64_t* sums, const std::uint32_t* words,
              std::size_t count, std::int64_t* activations, Counts& counts) {
  const Wide d;
  for (std::size_t j = 0; j < count; j += hn::Lanes(d)) {
    const VWide sum = hn::Load(d, sums + j);
    VWide z = overflow_lanes(d, sum, layer.accumulator);
    hn::Store(z, d, sums + j);
    if (layer.activation == Activation::relu) z = hn::Max(z, hn::Zero(d));
    const bool leaky = layer.activation == Activation::leaky_relu;
    VWide a;
    if constexpr (Counts::counts) {
      PassCounts& of_units = counts.of_units(j);
      of_units.accumulator.add(sum);
      a = layer.to_activation.fit(leaky ? hn::Max(z, hn::Zero(d)) : z, words + j,
                                  of_units.activation);
      if (leaky)
        a = hn::IfThenElse(hn::Gt(z, hn::Zero(d)), a,
                           layer.to_activation_leaking.fit(hn::Min(z, hn::Zero(d)), words + j,
                                                           of_units.activation_leaking));
    } else {
      a = layer.to_activation.fit(z, words + j);
      if (leaky)
        a = hn::IfThenElse(hn::Gt(z, hn::Zero(d)), a,
                           layer.to_activation_leaking.fit(z, words + j));
    }
    hn::Store(a, d, activations + j);
  }
}

/// The first index of the largest activation, compared as binary64.
template <class Word>
std::size_t arg_max(const Layer<Word>& layer) {
  // Narrow words are exact in binary64.
  using Compared = std::conditional_t<sizeof(Word) < sizeof(std::int64_t), std::int64_t, double>;
  std::size_t best = 0;
  const std::int64_t* const a = layer.a.get();
  const std::size_t units = layer.units;
  auto largest = static_cast<Compared>(a[0]);
  for (std::size_t j = 1; j < units; ++j) {
    const auto of_unit = static_cast<Compared>(a[j]);
    const bool is_larger = largest < of_unit;
    best = is_larger ? j : best;
    largest = is_larger ? of_unit : largest;
  }
  return best;
}

/// e of the last layer.
template <class Word>
void output_errors(Layer<Word>& layer, std::uint32_t label) {
  const std::int64_t* const a = layer.a.get();
  std::int64_t* const e = layer.e.get();
  const std::size_t units = layer.units;
  for (std::size_t j = 0; j < units; ++j) e[j] = wrapping_subtract(0, a[j]);
  if (label < units) e[label] = wrapping_subtract(layer.one, a[label]);
}

/// Paragraph 5.5: d, given e, a plain sum in hidden layers, a and z.
template <class Word>
void find_errors(Layer<Word>& layer, const std::uint32_t* words, NoCounts&) {
  const Wide d;
  for (std::size_t j = 0; j < layer.units; j += hn::Lanes(d)) {
    VWide e = hn::Load(d, layer.e.get() + j);
    if (!layer.is_last) e = overflow_lanes(d, e, layer.accumulator);
    VWide error = layer.to_error.fit(e, words + j);
    if (layer.activation == Activation::relu) {
      const VWide a = hn::Load(d, layer.a.get() + j);
      error = hn::IfThenElseZero(hn::Gt(a, hn::Zero(d)), error);
    } else if (layer.activation == Activation::leaky_relu) {
      const VWide z = hn::Load(d, layer.z.get() + j);
      error =
          hn::IfThenElse(hn::Gt(z, hn::Zero(d)), error, layer.to_error_leaking.fit(e, words + j));
    }
    hn::Store(error, d, layer.d.get() + j);
  }
}

/// The same, counted. What fits round is 0 where it is not to count.
template <class Word, class Counts>
void find_errors(Layer<Word>& layer, const std::uint32_t* words, Counts& counts) {
  const Wide d;
  const bool linear = layer.activation == Activation::linear;
  for (std::size_t j = 0; j < layer.units; j += hn::Lanes(d)) {
    const std::int64_t* decides =
        layer.activation == Activation::relu ? layer.a.get() : layer.z.get();
    const VWide is_active =
        linear ? hn::Set(d, -1) : hn::VecFromMask(d, hn::Gt(hn::Load(d, decides + j), hn::Zero(d)));
    counts.add_active(j, is_active);
    PassCounts& of_units = counts.of_units(j);
    VWide e = hn::Load(d, layer.e.get() + j);
    if (layer.activation == Activation::relu) e = hn::And(is_active, e);
    if (!layer.is_last) {
      of_units.accumulator.add(e);
      e = overflow_lanes(d, e, layer.accumulator);
    }
    VWide error = layer.to_error.fit(hn::And(is_active, e), words + j, of_units.error);
    if (layer.activation == Activation::leaky_relu)
      error = hn::Or(error, layer.to_error_leaking.fit(hn::AndNot(is_active, e), words + j,
                                                       of_units.error_leaking));
    hn::Store(error, d, layer.d.get() + j);
  }
  counts.end_sample();
}

/// z = the sums of v x.
template <class Word>
void wide_products(Layer<Word>& layer, const InputList<Word>& list) {
  const Wide d;
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
    VWide sum = hn::Zero(d);
    for (std::size_t i = 0; i < list.count; ++i)
      sum = hn::Add(sum, multiply_wide(load_wide(layer.product_row(list.index[i]) + j),
                                       hn::Set(d, std::int64_t{list.x[i]})));
    hn::Store(sum, d, layer.z.get() + j);
  }
}

/// The sum of v d over the units of a row.
template <class Word>
std::int64_t wide_row_error(const Layer<Word>& layer, std::size_t k) {
  const Wide d;
  VWide sum = hn::Zero(d);
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
    sum = hn::Add(
        sum, multiply_wide(load_wide(layer.product_row(k) + j), hn::Load(d, layer.d.get() + j)));
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// Updates row k, given P [unit] and the row's random words, which are read where they are drawn.
/// kLooksAtProducts: P and u are counted one by one, else they are known.
template <bool kLooksAtProducts = true, class Word, class Counts>
void wide_update_row(Layer<Word>& layer, std::size_t k, const std::int64_t* products,
                     const std::uint32_t* for_gradient, const std::uint32_t* for_master,
                     WideSums& sums, Counts& counts) {
  const Wide d;
  const int shift = layer.to_step.shift();
  const VWide dropped_bits =
      hn::Set(d, shift > 0 ? static_cast<std::int64_t>((std::uint64_t{1} << shift) - 1) : 0);
  Word* row = layer.master_row(k);
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
    const VWide product = hn::Load(d, products + j);
    VWide u;
    if constexpr (Counts::counts && kLooksAtProducts) {
      u = layer.to_gradient.fit(product, for_gradient + j, counts.gradient);
      counts.add_products(product);
    } else {
      u = layer.to_gradient.fit(product, for_gradient + j);
    }
    sums.add_update(u);
    sums.add_dropped(hn::And(u, dropped_bits));
    const VWide step = layer.to_step.round(u, for_master + j);
    const VWide moved = hn::Add(load_wide(row + j), step);
    const VWide w = overflow_lanes(d, moved, layer.master_range);
    store_wide(w, row + j);
    if constexpr (Counts::counts) {
      // 16-bit words tell steps by their sum, which moves by all but what overflowing takes.
      counts.add_update(u, step, sizeof(Word) == 2 ? hn::Sub(moved, w) : step);
      counts.master.add(moved);
      if (layer.has_copies)
        layer.to_copy.fit(hn::IfThenZeroElse(hn::Eq(u, hn::Zero(d)), w), nullptr, counts.weight);
    }
  }
}

/// Brings row k's weights into the format of copies.
template <class Word>
void copy_row(Layer<Word>& layer, std::size_t k, const Draws& draws) {
  const Word* const from = layer.master_row(k);
  Word* const to = layer.copies.get() + k * layer.stride;
  if (layer.copy_lanes.takes_shift()) {
    layer.copy_lanes.copy(from, layer.stride, to);
    return;
  }
  const Wide d;
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
    store_wide(layer.to_copy.fit(load_wide(from + j), draws.halves()), to + j);
}

/// Numbers of the next step and of the next batch.
struct Clock {
  std::uint32_t step, batch;
};

/// Everything in 64-bit lanes.
template <class GivenCounts>
class WideKernels {
 public:
  using Counts = GivenCounts;
  static constexpr bool guarded = false;

  explicit WideKernels(const NetworkSpec& spec)
      : gradient_(spec.formats.gradient), master_(spec.formats.master) {}

  GeneralStatistics statistics() const {
    GeneralStatistics statistics;
    statistics.bounded_updates = bounded_updates_;
    statistics.weight_counts = weight_counts_;
    return statistics;
  }

  /// Trains on a whole batch, if it can; otherwise it does nothing and returns false.
  template <class Word>
  bool train_batch(std::vector<Layer<Word>>&, std::span<const LabelledInputs<Word>>, Clock, Draws&,
                   std::vector<LayerSums>&, std::vector<Counts>&, std::size_t, Bits&,
                   const Progress&) {
    return false;
  }

  template <class Word>
  void products(Layer<Word>& layer, const InputList<Word>& list) {
    wide_products(layer, list);
  }

  /// e of the layer below, for its units `rows`.
  template <class Word>
  void row_errors(const Layer<Word>& layer, const std::uint32_t* rows, std::size_t count,
                  std::int64_t* e) {
    for (std::size_t i = 0; i < count; ++i) e[rows[i]] = wide_row_error(layer, rows[i]);
  }

  /// The update of a batch of one sample; the noise is there where it is drawn. Weights of 64 bits
  /// have no other updates.
  template <class Word>
  void update(Layer<Word>& layer, const InputList<Word>& list, RowNoise<std::uint32_t> for_gradient,
              RowNoise<std::uint32_t> for_master, LayerSums& total, Counts& counts) {
    constexpr bool may_be_bounded = sizeof(Word) == sizeof(std::int64_t);
    std::optional<KnownUpdates> known;
    if constexpr (may_be_bounded || Counts::counts) known = known_updates(layer, list);
    if constexpr (may_be_bounded) {
      if (known && update_bounded(*known, layer, list, for_gradient, for_master, total, counts))
        return;
      bounds_of(layer).forget();
    }
    if constexpr (Counts::counts) {
      if (known && known->exact) {
        add_known(*known, counts);
        update<false>(layer, list, for_gradient, for_master, total, counts);
        return;
      }
    }
    update<true>(layer, list, for_gradient, for_master, total, counts);
  }

 private:
  /// What follows of P and u from the ends and the sums of d and x, where no u overflows.
  struct KnownUpdates {
    bool wraps;          // P may leave 2^61, and be wrapped
    bool short_factors;  // d and x fit 32 bits
    bool exact;          // `updates` are the ends of u, not only bounds
    Ends updates;
    SignedSum product;  // the sum of P, or any number that is it modulo 2^64 where P wraps
  };

  /// It, if that can be told.
  template <class Word>
  std::optional<KnownUpdates> known_updates(const Layer<Word>& layer,
                                            const InputList<Word>& list) const {
    const int shift = layer.to_gradient.shift();
    if (shift <= 0) return std::nullopt;
    const Ends d = ends_of(layer.d.get(), layer.units), &x = list.ends;
    const WideSum largest_d = d.largest_magnitude(), largest_x = x.largest_magnitude();
    KnownUpdates known{};
    known.wraps = std::max({largest_d * largest_x, largest_d * layer.units,
                            largest_x * list.count}) > WideSum{most_bounded};
    known.short_factors = std::max(largest_d, largest_x) <= 0x7fffffff;
    known.exact = !known.wraps && gradient_.round != Round::stochastic;
    known.product = SignedSum{d.sum} * x.sum;
    Ends products;
    if (known.wraps) {
      products.least = std::numeric_limits<std::int64_t>::min();
      products.most = std::numeric_limits<std::int64_t>::max();
    } else {
      products = ends_of_products(d, x);
    }
    known.updates = rounded_ends(products, shift, gradient_.round);
    if (!is_in_range(known.updates, gradient_)) return std::nullopt;
    return known;
  }

  void add_known(const KnownUpdates& known, LayerCounts& counts) const {
    counts.gradient.add(known.updates.least, known.updates.most, 0);
    counts.add_updates(0, 0, 0, known.product);
  }

  /// Updates a layer if nothing can overflow: neither w nor a sum. Returns whether it did.
  bool update_bounded(const KnownUpdates& known, Layer<std::int64_t>& layer,
                      const InputList<std::int64_t>& list, RowNoise<std::uint32_t> for_gradient,
                      RowNoise<std::uint32_t> for_master, LayerSums& total, Counts& counts) {
    const int shift = layer.to_gradient.shift(), step_shift = layer.to_step.shift();
    constexpr int most_shift = 61;
    if (shift > most_shift || step_shift < 1 || step_shift > most_shift) return false;
    if (gradient_.round != master_.round) return false;
    if (Counts::counts && layer.has_copies) return false;
    constexpr std::size_t padding = 64;  // of units, at most
    // Sums of u and of what is dropped fit, and P are 2^shift from their u at most.
    const WideSum largest = std::max({known.updates.largest_magnitude(),
                                      std::uint64_t{1} << step_shift, std::uint64_t{1} << shift});
    if (largest * ((layer.units + padding) * list.count) > most_bounded) return false;
    const Ends steps = rounded_ends(known.updates, step_shift, master_.round);
    WeightBounds& bounds = bounds_of(layer);
    if (!bounds.hold(steps, master_)) return false;
    bool counts_weights = false;
    if constexpr (Counts::counts) {
      const auto covers = [&] { return counts.master.covers(bounds.moved_by(steps)); };
      counts_weights = !covers() && !(bounds.look() && covers());
      weight_counts_ += counts_weights;
    }
    bounds.move(steps);
    ++bounded_updates_;
    const auto is_symmetric = [](const Format& format) {
      return format.overflow == Overflow::saturate_symmetric;
    };
    const BoundedUpdate update{list.index,
                               list.x,
                               list.count,
                               layer.master.get(),
                               layer.stride,
                               layer.d.get(),
                               known.short_factors,
                               shift,
                               step_shift,
                               for_gradient,
                               for_master,
                               gradient_.random_bits,
                               master_.random_bits,
                               is_symmetric(gradient_),
                               is_symmetric(master_),
                               counts_weights};
    BoundedSums sums;
    with_round(gradient_.round, [&](auto round) {
      if (known.wraps)
        HWY_NAMESPACE::update_bounded<round(), true, Counts::counts>(update, sums);
      else
        HWY_NAMESPACE::update_bounded<round(), false, Counts::counts>(update, sums);
    });
    total.abs_update += sums.abs_update;
    total.dropped += sums.dropped;
    if constexpr (Counts::counts) {
      counts.gradient.add(0, sums.most_like_update, 0);
      if (known.exact) counts.gradient.add(known.updates.least, known.updates.most, 0);
      counts.master.add(0, sums.most_like_weight, 0);
      counts.add_updates(
          sums.updates, sums.steps, sums.added,
          known.wraps ? sum_of_wrapped(known.product, sums.update, shift) : known.product);
    }
    return true;
  }

  /// The sum of P that wrap: `product` modulo 2^64, and within 2^63 of the sum of u, shifted back.
  static SignedSum sum_of_wrapped(SignedSum product, SignedSum update, int shift) {
    const SignedSum near = update * (SignedSum{1} << shift);
    return near + static_cast<std::int64_t>(static_cast<std::uint64_t>(product - near));
  }

  WeightBounds& bounds_of(const Layer<std::int64_t>& layer) {
    for (WeightBounds& bounds : bounds_)
      if (bounds.is_of(layer)) return bounds;
    return bounds_.emplace_back(layer);
  }

  template <bool kLooksAtProducts, class Word>
  void update(Layer<Word>& layer, const InputList<Word>& list, RowNoise<std::uint32_t> for_gradient,
              RowNoise<std::uint32_t> for_master, LayerSums& total, Counts& counts) {
    const Wide d;
    const auto products = aligned_zeros<std::int64_t>(layer.stride);
    WideSums sums;
    for (std::size_t i = 0; i < list.count; ++i) {
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
        hn::Store(
            multiply_wide(hn::Load(d, layer.d.get() + j), hn::Set(d, std::int64_t{list.x[i]})), d,
            products.get() + j);
      wide_update_row<kLooksAtProducts>(layer, list.index[i], products.get(), for_gradient.row(i),
                                        for_master.row(i), sums, counts);
    }
    sums.add_to(total);
    counts.end_update();
  }

  const Format gradient_, master_;
  std::vector<WeightBounds> bounds_;  // one a layer
  std::uint64_t bounded_updates_ = 0, weight_counts_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
