// Networks in 32-bit words, with products of 64 bits. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/network_32.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/middle_update-inl.hpp"
#include "engines/cpu/general/network-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// The largest magnitude of some words.
template <class T>
std::uint64_t largest_of(const T* values, std::size_t count) {
  std::uint64_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, magnitude(values[i]));
  return largest;
}

/// With kGuarded formats may be wider than 32 bits, and fit() says before each update whether all
/// words fit nevertheless.
template <bool kGuarded, class GivenCounts>
class MiddleKernels {
 public:
  using Counts = GivenCounts;
  static constexpr bool guarded = kGuarded;

  explicit MiddleKernels(const NetworkSpec& spec)
      : wide_(spec),
        formats_(spec.formats),
        update_(update_for < Counts::counts
                    ? Counting::in_range
                    : Counting::none > (formats_.gradient, formats_.master)) {
    if constexpr (Counts::counts)
      count_any_ = update_for<Counting::any>(formats_.gradient, formats_.master);
  }

  GeneralStatistics statistics() const { return statistics_; }

  /// Whether the activations of the last forward pass fit 32 bits.
  bool activations_fit(const std::vector<Layer<std::int32_t>>& layers) const {
    return std::all_of(layers.begin(), layers.end(), [](const Layer<std::int32_t>& layer) {
      return largest_of(layer.a.get(), layer.units) <= most_word &&
             (layer.is_last || layer.outputs.ends.largest_magnitude() <= most_word);
    });
  }

  /// Whether the words of a step fit 32 bits, and those that its update will make. Weights are
  /// looked at only where the bound on them runs out.
  bool fit(const std::vector<Layer<std::int32_t>>& layers, const InputList<std::int32_t>& inputs) {
    if (!activations_fit(layers)) return false;
    bounds_.resize(layers.size(), most_word);
    for (std::size_t number = 0; number < layers.size(); ++number) {
      const Layer<std::int32_t>& layer = layers[number];
      const std::uint64_t largest_error = largest_of(layer.d.get(), layer.units);
      if (largest_error > most_word) return false;
      if (largest_error == 0) continue;
      const InputList<std::int32_t>& list = number == 0 ? inputs : layers[number - 1].outputs;
      const std::uint64_t product = largest_error * list.ends.largest_magnitude();
      std::uint64_t update = (product >> layer.to_gradient.shift()) + 1;
      if (formats_.gradient.bits > 32 || formats_.gradient.overflow != Overflow::wrap) {
        if (update > most_quotient) return false;
      } else {
        update = std::min(update, std::uint64_t{1} << (formats_.gradient.bits - 1));
      }
      const std::uint64_t step = (update >> layer.to_step.shift()) + 1;
      std::uint64_t& bound = bounds_[number];
      if (bound + step > most_word) {
        ++statistics_.weight_scans;
        bound = largest_of(layer.master.get(), layer.rows * layer.stride);
        // Half of the words must be left, or looks would follow on one another.
        if (bound > most_word / 2 || bound + step > most_word) return false;
      }
      bound += step;
    }
    return true;
  }

  bool train_batch(std::vector<Layer<std::int32_t>>&, std::span<const LabelledInputs<std::int32_t>>,
                   Clock, Draws&, std::vector<LayerSums>&, std::vector<Counts>&, std::size_t, Bits&,
                   const Progress&) {
    return false;
  }

  /// z = the sums of v x.
  void products(Layer<std::int32_t>& layer, const InputList<std::int32_t>& list) {
    set_offsets(layer, list);
    const std::size_t lanes = hn::Lanes(Middle());
    std::size_t j = 0;
    for (; j + 4 * lanes <= layer.stride; j += 4 * lanes) products_of<4>(layer, list, j);
    for (; j < layer.stride; j += lanes) products_of<1>(layer, list, j);
  }

  /// e of the layer below, for its units `rows`.
  void row_errors(const Layer<std::int32_t>& layer, const std::uint32_t* rows, std::size_t count,
                  std::int64_t* e) {
    const Middle d;
    const Wide wide;
    shorten_errors(layer);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t* row = layer.product_row(rows[i]);
      VWide even = hn::Zero(wide), odd = hn::Zero(wide);
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
        const VMiddle v = hn::Load(d, row + j), error = hn::LoadU(d, &errors_[j]);
        even = hn::Add(even, hn::MulEven(v, error));
        odd = hn::Add(odd, hn::MulEven(odd_to_even(v), odd_to_even(error)));
      }
      e[rows[i]] = hn::GetLane(hn::SumOfLanes(wide, hn::Add(even, odd)));
    }
  }

  void update(Layer<std::int32_t>& layer, const InputList<std::int32_t>& list,
              RowNoise<std::uint32_t> for_gradient, RowNoise<std::uint32_t> for_master,
              LayerSums& sums, Counts& counts) {
    shorten_errors(layer);
    const Ends d = ends_of(errors_.data(), layer.units), &x = list.ends;
    const Ends products = ends_of_products(d, x);
    const int shift = layer.to_gradient.shift();
    const std::uint64_t quotient = (products.largest_magnitude() >> shift) + 1;
    UpdateCounts counted;
    Counting counting = Counting::none;
    bool is_wide = quotient > most_quotient;
    if constexpr (Counts::counts) {
      if (!is_wide) counting = begin_counts(layer, formats_, products, counted, counts);
      is_wide |= counting == Counting::any && layer.has_copies;
    } else {
      is_wide &= formats_.gradient.overflow != Overflow::wrap;
    }
    if (is_wide) {
      ++statistics_.wide_updates;
      wide_.update(layer, list, for_gradient, for_master, sums, counts);
      return;
    }
    ++statistics_.middle_updates;
    const Format &gradient = formats_.gradient, &master = formats_.master;
    const Rounding<std::int32_t> step(layer.to_step.shift(), master.round);
    const std::uint64_t most_update = std::min(std::uint64_t{1} << (gradient.bits - 1), quotient);
    // Steps are summed up signed, where they are.
    constexpr std::uint64_t most_sum = Counts::counts ? 0x7fffffff : 0xffffffff;
    set_offsets(layer, list);
    const MiddleUpdate update{
        offsets_.data(),
        list.x,
        list.count,
        most_sum / std::max(most_update, static_cast<std::uint64_t>(step.mask)),
        layer.master.get(),
        for_gradient,
        for_master,
        {shift, gradient.round},
        step,
        WordRange<std::int32_t>(gradient),
        WordRange<std::int32_t>(master),
        gradient.round,
        master.round,
        highest_bits(gradient.random_bits),
        highest_bits(master.random_bits)};
    (counting == Counting::any ? count_any_ : update_)(update, errors_.data(), layer.stride, sums,
                                                       counted);
    if constexpr (Counts::counts) {
      ++(counting == Counting::any ? statistics_.counted_any : statistics_.counted_in_range);
      counts.add_updates(0, 0, 0, SignedSum{d.sum} * x.sum);
      end_counts(layer, formats_, counted, counting, counts);
    }
  }

 private:
  static constexpr std::uint64_t most_word = 0x7fffffff;
  static constexpr std::uint64_t most_quotient = std::uint64_t{1} << 30;  // that surely is a word

  static std::uint32_t highest_bits(int bits) {
    return static_cast<std::uint32_t>(0xffffffff00000000U >> bits);
  }

  void set_offsets(const Layer<std::int32_t>& layer, const InputList<std::int32_t>& list) {
    offsets_.resize(list.count);
    for (std::size_t i = 0; i < list.count; ++i) offsets_[i] = list.index[i] * layer.stride;
  }

  template <std::size_t kVectors>
  HWY_INLINE void products_of(Layer<std::int32_t>& layer, const InputList<std::int32_t>& list,
                              std::size_t j) {
    const Middle d;
    const Wide wide;
    const std::int32_t* const weights = layer.product_row(0) + j;
    VWide even[kVectors], odd[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) even[v] = odd[v] = hn::Zero(wide);
    for (std::size_t i = 0; i < list.count; ++i) {
      const VMiddle x = hn::Set(d, list.x[i]);
      const std::int32_t* row = weights + offsets_[i];
      for (std::size_t v = 0; v < kVectors; ++v) {
        const VMiddle w = hn::Load(d, row + v * hn::Lanes(d));
        even[v] = hn::Add(even[v], hn::MulEven(w, x));
        odd[v] = hn::Add(odd[v], hn::MulEven(odd_to_even(w), x));
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreInterleaved2(even[v], odd[v], wide, layer.z.get() + j + v * hn::Lanes(d));
  }

  void shorten_errors(const Layer<std::int32_t>& layer) {
    errors_.resize(layer.stride);
    for (std::size_t j = 0; j < layer.stride; ++j)
      errors_[j] = static_cast<std::int32_t>(layer.d[j]);
  }

  GeneralStatistics statistics_;
  WideKernels<Counts> wide_;
  const TensorFormats formats_;
  const UpdateMiddleLayer update_;
  UpdateMiddleLayer count_any_ = nullptr;  // where networks count
  std::vector<std::uint64_t> bounds_;      // of |w| [layer]
  std::vector<std::size_t> offsets_;       // of the list's rows
  std::vector<std::int32_t> errors_;       // d [unit]
};

/// A network in 32-bit words as long as they fit, then in 64-bit words.
template <class Counts>
class GuardedNetwork final : public GeneralNetwork<std::int32_t> {
 public:
  GuardedNetwork(const NetworkSpec& spec, const Weights& weights) : spec_(spec) {
    bool fits = true;
    for (const std::vector<std::int64_t>& layer : weights)
      fits &= largest_of(layer.data(), layer.size()) <= 0x7fffffff;
    if (fits) {
      middle_ = std::make_unique<Middle32>(spec, weights);
    } else {
      wide_ = std::make_unique<Wide64>(spec, weights);
      ++statistics_.left_32_bits;
    }
  }

  void train(std::span<const LabelledInputs<std::int32_t>> samples,
             std::span<const StepNoise<std::int32_t>> noise, std::size_t first, Bits& right,
             const Progress& progress) override {
    const StepNoise<std::int32_t> none(spec_.layers());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      progress.throw_if_stopped();
      const StepNoise<std::int32_t>& of_step = noise.empty() ? none : noise[i];
      std::optional<bool> was_right;
      if (middle_) was_right = middle_->train(samples[i], of_step, progress);
      if (!was_right) {
        leave();
        was_right = wide_->train({widened(samples[i].inputs), samples[i].label}, of_step, progress);
      }
      if (*was_right) right.set(first + i);
    }
  }

  std::size_t classify(const InputList<std::int32_t>& inputs) override {
    if (middle_) {
      const std::size_t label = middle_->classify(inputs);
      if (middle_->fitted()) return label;
    }
    leave();
    return wide_->classify(widened(inputs));
  }

  Weights weights() const override { return middle_ ? middle_->weights() : wide_->weights(); }
  std::uint64_t weights_digest() const override {
    return middle_ ? middle_->weights_digest() : wide_->weights_digest();
  }
  const std::vector<LayerSums>& sums() const override {
    return middle_ ? middle_->sums() : wide_->sums();
  }
  std::vector<LayerDiagnostics> diagnostics() const override {
    return middle_ ? middle_->diagnostics() : wide_->diagnostics();
  }
  GeneralStatistics statistics() const override {
    GeneralStatistics statistics = statistics_;
    statistics += middle_ ? middle_->statistics() : wide_->statistics();
    return statistics;
  }

 private:
  using Middle32 = Network<std::int32_t, MiddleKernels<true, Counts>>;
  using Wide64 = Network<std::int64_t, WideKernels<Counts>>;

  /// Goes on in 64-bit words, from now on.
  void leave() {
    if (!middle_) return;
    Weights none;
    for (std::size_t layer = 0; layer < spec_.layers(); ++layer)
      none.emplace_back(spec_.inputs_of(layer) * spec_.units_of(layer));
    wide_ = std::make_unique<Wide64>(spec_, none);
    wide_->go_on_from(*middle_);
    ++statistics_.left_32_bits;
    middle_.reset();
  }

  InputList<std::int64_t> widened(const InputList<std::int32_t>& list) {
    x_.assign(list.x, list.x + list.count + 1);
    return {list.index, list.place, x_.data(), list.count, list.ends, list.sum};
  }

  const NetworkSpec spec_;
  std::unique_ptr<Middle32> middle_;  // one of these
  std::unique_ptr<Wide64> wide_;      //
  std::vector<std::int64_t> x_;
  GeneralStatistics statistics_;
};

/// Owned by the caller.
GeneralNetwork<std::int32_t>* new_network_32(const NetworkSpec& spec, const Weights& weights) {
  return new Network<std::int32_t, MiddleKernels<false, NoCounts>>(spec, weights);
}

/// Owned by the caller.
GeneralNetwork<std::int32_t>* new_diagnosed_network_32(const NetworkSpec& spec,
                                                       const Weights& weights) {
  return new Network<std::int32_t, MiddleKernels<false, LayerCounts>>(spec, weights);
}

/// Owned by the caller.
GeneralNetwork<std::int32_t>* new_guarded_network(const NetworkSpec& spec, const Weights& weights) {
  return new GuardedNetwork<NoCounts>(spec, weights);
}

/// Owned by the caller.
GeneralNetwork<std::int32_t>* new_diagnosed_guarded_network(const NetworkSpec& spec,
                                                            const Weights& weights) {
  return new GuardedNetwork<LayerCounts>(spec, weights);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(new_network_32);
HWY_EXPORT(new_diagnosed_network_32);
HWY_EXPORT(new_guarded_network);
HWY_EXPORT(new_diagnosed_guarded_network);
}  // namespace

std::unique_ptr<GeneralNetwork<std::int32_t>> make_network_32(const NetworkSpec& spec,
                                                              const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int32_t>>(
      HWY_DYNAMIC_DISPATCH(new_network_32)(spec, weights));
}

std::unique_ptr<GeneralNetwork<std::int32_t>> make_diagnosed_network_32(const NetworkSpec& spec,
                                                                        const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int32_t>>(
      HWY_DYNAMIC_DISPATCH(new_diagnosed_network_32)(spec, weights));
}

std::unique_ptr<GeneralNetwork<std::int32_t>> make_guarded_network(const NetworkSpec& spec,
                                                                   const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int32_t>>(
      HWY_DYNAMIC_DISPATCH(new_guarded_network)(spec, weights));
}

std::unique_ptr<GeneralNetwork<std::int32_t>> make_diagnosed_guarded_network(
    const NetworkSpec& spec, const Weights& weights) {
  return std::unique_ptr<GeneralNetwork<std::int32_t>>(
      HWY_DYNAMIC_DISPATCH(new_diagnosed_guarded_network)(spec, weights));
}

}  // namespace gridrun
#endif
