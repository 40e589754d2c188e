// Networks in 16-bit words. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/network_16.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <optional>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/network-inl.hpp"
#include "engines/cpu/general/short_batch-inl.hpp"
#include "engines/cpu/general/short_lanes-inl.hpp"
#include "engines/cpu/general/short_products-inl.hpp"
#include "engines/cpu/general/short_update-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class GivenCounts>
class ShortKernels {
 public:
  using Counts = GivenCounts;
  static constexpr bool guarded = false;

  explicit ShortKernels(const NetworkSpec& spec)
      : formats_(spec.formats),
        kernels_(kernels_for<Counts>(formats_.gradient, formats_.master)),
        products_(spec.formats.weight) {}

  /// z = the sums of v x.
  void products(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list) {
    products_.sum(layer, list, statistics_);
  }

  /// e of the layer below, for its units `rows`.
  void row_errors(const Layer<std::int16_t>& layer, const std::uint32_t* rows, std::size_t count,
                  std::int64_t* e) {
    std::uint64_t sum = 0;
    for (std::size_t j = 0; j < layer.units; ++j) sum += magnitude(layer.d[j]);
    if (!products_.fit(sum)) {
      ++statistics_.wide_errors;
      for (std::size_t i = 0; i < count; ++i) e[rows[i]] = wide_row_error(layer, rows[i]);
      return;
    }
    ++statistics_.short_errors;
    shorten_errors(layer);
    const Short d;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int16_t* row = layer.product_row(rows[i]);
      VMiddle error = hn::Zero(Middle());
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
        error = hn::Add(error, multiply_pairs(hn::Load(d, row + j), hn::LoadU(d, &errors_[j])));
      e[rows[i]] = hn::GetLane(hn::SumOfLanes(Middle(), error));
    }
  }

  void update(Layer<std::int16_t>& layer, const InputList<std::int16_t>& list,
              RowNoise<std::uint16_t> for_gradient, RowNoise<std::uint16_t> for_master,
              LayerSums& sums, Counts& counts) {
    shorten_errors(layer);
    UpdateCounts counted;
    Counting counting = Counting::none;
    if constexpr (Counts::counts) {
      const Ends d = ends_of(errors_.data(), layer.units), &x = list.ends;
      counting = begin_counts(layer, formats_, ends_of_products(d, x), counted, counts);
      counts.add_updates(0, 0, 0, SignedSum{d.sum} * x.sum);
    }
    const bool counts_any = counting == Counting::any;
    if (counts_any) any_update_.emplace(layer, formats_.gradient, formats_.master, any_round);
    Update& update = counts_any ? *any_update_ : update_of(layer);
    update.updates_fit = counted.updates_fit;
    const int round = counts_any ? any_round : kernels_.round;
    const bool draws_near = round == static_cast<int>(Round::stochastic) && !update.draws_far;
    const std::int16_t constant =
        update.constant_is_wide ? std::int16_t{0} : static_cast<std::int16_t>(update.constant);
    make_pairs(list, draws_near ? std::nullopt : std::optional(constant));
    update.index = list.index;
    update.pairs = pairs_.data();
    update.rows = list.count;
    update.stretches = list.stretches;
    statistics_.stretches += list.stretches.size();
    update.for_gradient = for_gradient;
    update.for_master = for_master;
    update.count(statistics_);
    const UpdateBySample by_sample = counts_any ? count_any_by_sample : kernels_.by_sample;
    by_sample(update, errors_.data(), layer.stride, sums, counted);
    if constexpr (Counts::counts) end_counting(layer, counted, counting, counts);
  }

  /// Trains on a whole batch of two samples or more.
  bool train_batch(std::vector<Layer<std::int16_t>>& layers,
                   std::span<const LabelledInputs<std::int16_t>> samples, Clock clock, Draws& draws,
                   std::vector<LayerSums>& sums, std::vector<Counts>& counts, std::size_t first,
                   Bits& right, const Progress& progress) {
    batch_.train(*this, layers, samples, clock, draws, sums, counts, first, right, progress);
    return true;
  }

  const TensorFormats& formats() const { return formats_; }
  const UpdateKernels& update_kernels() const { return kernels_; }
  const GeneralStatistics& statistics() const { return statistics_; }
  GeneralStatistics& statistics() { return statistics_; }

  /// Ends the counting of an update.
  void end_counting(const Layer<std::int16_t>& layer, const UpdateCounts& counted,
                    Counting counting, LayerCounts& counts) {
    ++(counting == Counting::any ? statistics_.counted_any : statistics_.counted_in_range);
    end_counts(layer, formats_, counted, counting, counts);
  }

 private:
  /// pairs_: each x of a list, and beside it another word, or x again.
  void make_pairs(const InputList<std::int16_t>& list, std::optional<std::int16_t> other) {
    const hn::RebindToUnsigned<Middle> d;
    const hn::Rebind<std::uint16_t, decltype(d)> half;
    const auto* const inputs = reinterpret_cast<const std::uint16_t*>(list.x);
    const auto others = hn::Set(d, static_cast<std::uint32_t>(pair_of(0, other.value_or(0))));
    if (pairs_.size() < list.count) pairs_.resize(list.count);
    std::int32_t* const pairs = pairs_.data();
    const std::size_t count = list.count;
    std::size_t i = 0;
    for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
      const auto x = hn::PromoteTo(d, hn::LoadU(half, inputs + i));
      hn::StoreU(hn::BitCast(Middle(), hn::Or(x, other ? others : hn::ShiftLeft<16>(x))), Middle(),
                 pairs + i);
    }
    for (; i < count; ++i) pairs[i] = pair_of(list.x[i], other.value_or(list.x[i]));
  }

  /// What was last made for a layer.
  Update& update_of(Layer<std::int16_t>& layer) {
    for (Update& update : updates_)
      if (update.weights == layer.master.get()) return update;
    return updates_.emplace_back(layer, formats_.gradient, formats_.master, kernels_.round);
  }

  void shorten_errors(const Layer<std::int16_t>& layer) {
    errors_.resize(layer.stride);
    for (std::size_t j = 0; j < layer.stride; ++j)
      errors_[j] = static_cast<std::int16_t>(layer.d[j]);
  }

  GeneralStatistics statistics_;
  const TensorFormats formats_;
  const UpdateKernels kernels_;
  const ShortProducts products_;
  std::vector<Update> updates_;       // of single samples, one a layer
  std::optional<Update> any_update_;  // the last that counted any
  std::vector<std::int32_t> pairs_;
  std::vector<std::int16_t> errors_;  // d [unit]
  ShortBatch batch_;
};

/// Owned by the caller.
GeneralNetwork<std::int16_t>* new_network_16(const NetworkSpec& spec, const Weights& weights) {
  return new Network<std::int16_t, ShortKernels<NoCounts>>(spec, weights);
}

/// Owned by the caller.
GeneralNetwork<std::int16_t>* new_diagnosed_network_16(const NetworkSpec& spec,
                                                       const Weights& weights) {
  return new Network<std::int16_t, ShortKernels<LayerCounts>>(spec, weights);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(new_network_16);
HWY_EXPORT(new_diagnosed_network_16);
}  // namespace

std::unique_ptr<GeneralNetwork<std::int16_t>> make_network_16(const NetworkSpec& spec,
                                                              const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int16_t>>(
      HWY_DYNAMIC_DISPATCH(new_network_16)(spec, weights));
}

std::unique_ptr<GeneralNetwork<std::int16_t>> make_diagnosed_network_16(const NetworkSpec& spec,
                                                                        const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int16_t>>(
      HWY_DYNAMIC_DISPATCH(new_diagnosed_network_16)(spec, weights));
}

}  // namespace gridrun
#endif
