// The steps of a network, whatever its words; kernels do what is worth doing in narrow words.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_NETWORK_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_NETWORK_INL_HPP
#undef GRIDRUN_HOST_NETWORK_INL_HPP
#else
#define GRIDRUN_HOST_NETWORK_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engines/cpu/general/draws-inl.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/layer-inl.hpp"
#include "engines/cpu/general/wide_kernels-inl.hpp"
#include "gridrun/weights_digest.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class Word, class Kernels>
class Network final : public GeneralNetwork<Word> {
 public:
  Network(const NetworkSpec& spec, const Weights& weights)
      : spec_(spec),
        most_units_(padded_units(spec)),
        kernels_(spec),
        draws_(spec.rounding_seed, most_units_, most_rows(spec)),
        products_(aligned_zeros<std::int64_t>(most_units_)),
        sums_(spec.layers()) {
    layers_.reserve(spec.layers());
    counts_.reserve(spec.layers());
    for (std::size_t number = 0; number < spec.layers(); ++number) {
      Layer<Word>& layer = layers_.emplace_back(spec, number);
      counts_.emplace_back(spec, layer);
      for (std::size_t j = 0; j < layer.units; ++j)
        for (std::size_t k = 0; k < layer.inputs; ++k)
          layer.master_row(k)[j] = static_cast<Word>(weights[number][j * layer.inputs + k]);
      if (layer.has_copies)
        for (std::size_t k = 0; k < layer.rows; ++k) copy_row(layer, k, draws_);
      if constexpr (steps_move_sums) counts_.back().add_moved(-sum_of(layer));
    }
  }

  void train(std::span<const LabelledInputs<Word>> samples, std::span<const StepNoise<Word>> noise,
             std::size_t first, Bits& right, const Progress& progress) override {
    for (std::size_t i = 0; i < samples.size();) {
      progress.throw_if_stopped();
      if (spec_.batch > 1 && batch_.empty() && samples.size() - i >= spec_.batch &&
          kernels_.train_batch(layers_, samples.subspan(i, spec_.batch), {step_, batches_done_},
                               draws_, sums_, counts_, first + i, right, progress)) {
        step_ += spec_.batch;
        ++batches_done_;
        i += spec_.batch;
      } else {
        if (train(samples[i], noise.empty() ? no_noise_ : noise[i], progress).value())
          right.set(first + i);
        ++i;
      }
    }
  }

  /// A step. Returns whether it was right, or nothing where kernels are guarded and a word does not
  /// fit: then nothing has changed.
  std::optional<bool> train(const LabelledInputs<Word>& sample, const StepNoise<Word>& noise,
                            const Progress& progress) {
    const InputList<Word>& inputs = sample.inputs;
    if constexpr (Kernels::guarded && Counts::counts) counts_before_ = counts_;
    forward(
        inputs,
        [&](std::size_t number) {
          return unit_noise(Drawn::activation, number, noise[number].activation);
        },
        [&](std::size_t number) -> Counts& { return counts_[number]; });
    const bool right = arg_max(layers_.back()) == sample.label;
    backward(sample.label, noise);
    if constexpr (Kernels::guarded) {
      if (!kernels_.fit(layers_, inputs)) {
        if constexpr (Counts::counts) std::swap(counts_, counts_before_);
        return std::nullopt;
      }
    }
    ++step_;
    if (spec_.batch == 1) {
      for (std::size_t number = 0; number < layers_.size(); ++number)
        update(number, number == 0 ? inputs : layers_[number - 1].outputs, noise);
      ++batches_done_;
    } else {
      keep(inputs);
      if (batch_.size() == spec_.batch) update(progress);
    }
    return right;
  }

  std::size_t classify(const InputList<Word>& inputs) override {
    NoCounts none(spec_, layers_.front());
    forward(
        inputs, [&](std::size_t) { return draws_.halves(); },
        [&](std::size_t) -> NoCounts& { return none; });
    return arg_max(layers_.back());
  }

  /// Whether the last forward pass fitted the words of guarded kernels.
  bool fitted() const { return kernels_.activations_fit(layers_); }

  /// Goes on from where another network of the same layers is.
  template <class OtherWord, class OtherKernels>
  void go_on_from(const Network<OtherWord, OtherKernels>& other) {
    for (std::size_t number = 0; number < layers_.size(); ++number)
      for (std::size_t k = 0; k < layers_[number].rows; ++k)
        std::copy_n(other.layers_[number].master.get() + k * other.layers_[number].stride,
                    layers_[number].units, layers_[number].master_row(k));
    sums_ = other.sums_;
    counts_ = other.counts_;
    step_ = other.step_;
    batches_done_ = other.batches_done_;
  }

  Weights weights() const override {
    Weights all;
    for (const Layer<Word>& layer : layers_) {
      std::vector<std::int64_t>& weights = all.emplace_back();
      weights.reserve(layer.units * layer.rows);
      for (std::size_t j = 0; j < layer.units; ++j)
        for (std::size_t k = 0; k < layer.rows; ++k)
          weights.push_back(layer.master.get()[k * layer.stride + j]);
    }
    return all;
  }

  std::uint64_t weights_digest() const override {
    std::uint64_t digest = 0, place = 0;
    for (const Layer<Word>& layer : layers_)
      for (std::size_t k = 0; k < layer.rows; ++k)
        for (std::size_t j = 0; j < layer.units; ++j)
          digest += weight_digest(layer.master.get()[k * layer.stride + j], place++);
    return digest;
  }

  const std::vector<LayerSums>& sums() const override { return sums_; }

  std::vector<LayerDiagnostics> diagnostics() const override {
    if (!Counts::counts) return {};
    std::vector<LayerDiagnostics> all(counts_.size());
    for (std::size_t number = 0; number < counts_.size(); ++number) {
      counts_[number].add_to(all[number]);
      if constexpr (steps_move_sums) all[number].step += sum_of(layers_[number]);
    }
    return all;
  }

  GeneralStatistics statistics() const override {
    GeneralStatistics statistics = kernels_.statistics();
    (sizeof(Word) == 2   ? statistics.networks_16
     : sizeof(Word) == 4 ? statistics.networks_32
                         : statistics.networks_64) = 1;
    return statistics;
  }

 private:
  template <class, class>
  friend class Network;

  using Counts = typename Kernels::Counts;
  /// Whether steps are counted by the sum of weights, and by what overflowing took.
  static constexpr bool steps_move_sums = Counts::counts && sizeof(Word) == 2;

  static SignedSum sum_of(const Layer<Word>& layer) {
    const Word* const all = layer.master.get();
    return std::accumulate(all, all + layer.rows * layer.stride, SignedSum{0});
  }

  static std::size_t padded_units(const NetworkSpec& spec) {
    return Layer<Word>::padded(*std::max_element(spec.units.begin() + 1, spec.units.end()));
  }

  static std::size_t most_rows(const NetworkSpec& spec) {
    return *std::max_element(spec.units.begin(), spec.units.end()) + std::size_t{spec.bias};
  }

  /// Random words of a layer's units, if they are shared, or drawn now.
  const std::uint32_t* unit_noise(Drawn tensor, std::size_t number, const std::uint32_t* shared) {
    return shared != nullptr ? shared : draws_.units(tensor, number, step_, layers_[number].units);
  }

  // Paragraph 5.3. `noise` gives a layer's random words, `counts` what counts its values.
  template <class UnitNoise, class CountsOf>
  void forward(const InputList<Word>& inputs, const UnitNoise& noise, const CountsOf& counts) {
    for (std::size_t number = 0; number < layers_.size(); ++number) {
      Layer<Word>& layer = layers_[number];
      kernels_.products(layer, number == 0 ? inputs : layers_[number - 1].outputs);
      const bool draws = layer.to_activation.draws() || layer.to_activation_leaking.draws();
      const std::uint32_t* words = draws ? noise(number) : draws_.halves();
      activate(layer, layer.z.get(), words, layer.units, layer.a.get(), counts(number));
      if (!layer.is_last) list_outputs(layer);
    }
  }

  /// The layer's activations as the inputs of the next.
  void list_outputs(Layer<Word>& layer) {
    std::size_t count = 0;
    Ends ends;
    std::uint64_t sum = 0;
    const auto add = [&](std::size_t k, std::int64_t x) {
      layer.index[count] = static_cast<std::uint32_t>(k);
      layer.x[count] = static_cast<Word>(x);
      count += x != 0;
      ends.add(x);
      sum += magnitude(x);
    };
    for (std::size_t k = 0; k < layer.units; ++k) add(k, layer.a[k]);
    if (spec_.bias) add(layer.units, layer.one);
    layer.index[count] = 0;
    layer.x[count] = 0;
    layer.outputs = {layer.index.data(), layer.index.data(), layer.x.data(), count, ends, sum};
  }

  // Paragraph 5.5.
  void backward(std::uint32_t label, const StepNoise<Word>& noise) {
    for (std::size_t number = layers_.size(); number-- > 0;) {
      Layer<Word>& layer = layers_[number];
      if (layer.is_last)
        output_errors(layer, label);
      else
        hidden_errors(layer, layers_[number + 1]);
      const bool draws = layer.to_error.draws() || layer.to_error_leaking.draws();
      const std::uint32_t* words =
          draws ? unit_noise(Drawn::error, number, noise[number].error) : draws_.halves();
      find_errors(layer, words, counts_[number]);
    }
  }

  void hidden_errors(Layer<Word>& layer, const Layer<Word>& above) {
    if (layer.activation == Activation::relu) {  // others pass no error
      std::fill_n(layer.e.get(), layer.units, 0);
      const bool with_bias =
          layer.outputs.count != 0 && layer.outputs.index[layer.outputs.count - 1] == layer.units;
      kernels_.row_errors(above, layer.outputs.index, layer.outputs.count - with_bias,
                          layer.e.get());
    } else {
      kernels_.row_errors(above, draws_.naturals(), layer.units, layer.e.get());
    }
  }

  // Paragraph 5.6, with the one sample whose errors the layers hold.
  void update(std::size_t number, const InputList<Word>& list, const StepNoise<Word>& noise) {
    Layer<Word>& layer = layers_[number];
    std::int64_t any_error = 0;
    for (std::size_t j = 0; j < layer.units; ++j) any_error |= layer.d[j];
    if (any_error == 0) return;
    using Noise = NoiseWord<Word>;
    const auto rows = [&](const WideFit& fit, Drawn tensor,
                          const Noise* LayerNoise<Noise>::*shared) -> RowNoise<Noise> {
      if (!fit.draws()) return draws_.none<Noise>();
      if (noise[number].*shared != nullptr)
        return {noise[number].*shared, list.place, layer.units, noise[number].low_halves};
      return draws_.rows<Noise>(tensor, number, batches_done_, list.index, list.count, layer.units);
    };
    kernels_.update(layer, list,
                    rows(layer.to_gradient, Drawn::gradient, &LayerNoise<Noise>::gradient),
                    rows(layer.to_step, Drawn::master, &LayerNoise<Noise>::master), sums_[number],
                    counts_[number]);
    if (layer.has_copies)
      for (std::size_t i = 0; i < list.count; ++i) copy_row(layer, list.index[i], draws_);
  }

  /// What a sample of the batch left in a layer.
  struct Kept {
    std::vector<std::uint32_t> index;  // of its inputs that are not zero
    std::vector<Word> x;               //
    std::vector<std::int64_t> d;       // [unit]
  };
  using KeptSample = std::vector<Kept>;  // [layer]

  void keep(const InputList<Word>& inputs) {
    KeptSample sample;
    for (std::size_t number = 0; number < layers_.size(); ++number) {
      const InputList<Word>& list = number == 0 ? inputs : layers_[number - 1].outputs;
      const Layer<Word>& layer = layers_[number];
      sample.push_back({{list.index, list.index + list.count},
                        {list.x, list.x + list.count},
                        {layer.d.get(), layer.d.get() + layer.stride}});
    }
    batch_.push_back(std::move(sample));
  }

  /// An input of some sample of the batch.
  struct Term {
    std::size_t sample;
    Word x;
  };

  // Paragraph 5.6, with the samples of the batch.
  void update(const Progress& progress) {
    const Wide d;
    for (std::size_t number = 0; number < layers_.size(); ++number) {
      Layer<Word>& layer = layers_[number];
      const auto [begin, terms] = terms_by_row(number);
      WideSums sums;
      for (std::size_t k = 0; k < layer.rows; ++k) {
        if (begin[k] == begin[k + 1]) continue;
        progress.throw_if_stopped();
        for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
          VWide product = hn::Zero(d);
          for (std::size_t i = begin[k]; i < begin[k + 1]; ++i)
            product = hn::Add(
                product, multiply_wide(hn::LoadU(d, batch_[terms[i].sample][number].d.data() + j),
                                       hn::Set(d, std::int64_t{terms[i].x})));
          hn::Store(product, d, products_.get() + j);
        }
        const auto row = static_cast<std::uint32_t>(k);
        const auto noise = [&](const WideFit& fit, Drawn tensor) {
          if (!fit.draws()) return draws_.halves();
          return draws_.rows<std::uint32_t>(tensor, number, batches_done_, &row, 1, layer.units)
              .base;
        };
        wide_update_row(layer, k, products_.get(), noise(layer.to_gradient, Drawn::gradient),
                        noise(layer.to_step, Drawn::master), sums, counts_[number]);
        if (layer.has_copies) copy_row(layer, k, draws_);
      }
      sums.add_to(sums_[number]);
      counts_[number].end_update();
    }
    batch_.clear();
    ++batches_done_;
  }

  /// The batch's inputs of a layer, row by row: row k's are terms begin[k] ... begin[k + 1] - 1.
  std::pair<std::vector<std::size_t>, std::vector<Term>> terms_by_row(std::size_t number) const {
    std::vector<std::size_t> begin(layers_[number].rows + 1);
    for (const KeptSample& sample : batch_)
      for (const std::uint32_t k : sample[number].index) ++begin[k + 1];
    for (std::size_t k = 0; k < layers_[number].rows; ++k) begin[k + 1] += begin[k];
    std::vector<Term> terms(begin.back());
    std::vector<std::size_t> next = begin;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      const Kept& kept = batch_[i][number];
      for (std::size_t n = 0; n < kept.index.size(); ++n)
        terms[next[kept.index[n]]++] = {i, kept.x[n]};
    }
    return {std::move(begin), std::move(terms)};
  }

  const NetworkSpec spec_;
  const StepNoise<Word> no_noise_ = StepNoise<Word>(spec_.layers());
  const std::size_t most_units_;  // of a layer, padded
  Kernels kernels_;
  Draws draws_;
  std::vector<Layer<Word>> layers_;
  hwy::AlignedFreeUniquePtr<std::int64_t[]> products_;  // P of a row [unit]
  std::vector<KeptSample> batch_;
  std::vector<LayerSums> sums_;
  std::vector<Counts> counts_;         // [layer]
  std::vector<Counts> counts_before_;  // the step in work, where kernels are guarded
  std::uint32_t step_ = 0;             // samples trained on
  std::uint32_t batches_done_ = 0;     //
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
