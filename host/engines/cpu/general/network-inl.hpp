// The steps of a network, whatever its words; kernels do what is worth doing in narrow words.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_NETWORK_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_NETWORK_INL_HPP
#undef GRIDRUN_HOST_NETWORK_INL_HPP
#else
#define GRIDRUN_HOST_NETWORK_INL_HPP
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <algorithm>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engines/cpu/general/fit_lanes-inl.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/philox_lanes-inl.hpp"
#include "gridrun/weights_digest.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
hwy::AlignedFreeUniquePtr<T[]> aligned_zeros(std::size_t count) {
  auto values = hwy::AllocateAligned<T>(count);
  if (!values) throw std::bad_alloc();
  std::fill_n(values.get(), count, T{0});
  return values;
}

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

/// A layer's weights, what its units hold of one sample, and the constants of its arithmetic.
/// Arrays over units have `stride` places; those past the units are 0.
template <class Word>
struct Layer {
  Layer(const NetworkSpec& spec, std::size_t layer)
      : inputs(spec.inputs_of(layer)),
        rows(inputs + spec.bias),
        units(spec.units_of(layer)),
        stride(padded(units)),
        activation(spec.activation_of(layer)),
        has_copies(spec.formats.weight != spec.formats.master),
        is_last(layer + 1 == spec.layers()),
        sum_scale(spec.formats.weight.fraction + spec.input_format(layer).fraction),
        error_scale(is_last ? spec.formats.activation.fraction
                            : spec.formats.weight.fraction + spec.formats.error.fraction),
        leak(activation == Activation::leaky_relu ? spec.leak : 0),
        accumulator(spec.formats.accumulator),
        to_activation(sum_scale, spec.formats.activation),
        to_activation_leaking(sum_scale + leak, spec.formats.activation),
        to_error(error_scale, spec.formats.error),
        to_error_leaking(error_scale + leak, spec.formats.error),
        to_gradient(spec.formats.error.fraction + spec.input_format(layer).fraction,
                    spec.formats.gradient),
        to_step(spec.formats.gradient.fraction + spec.lr, spec.formats.master),
        to_copy(spec.formats.master.fraction, spec.formats.weight),
        master_range(spec.formats.master),
        one(one_of(spec.formats.activation)),
        master(aligned_zeros<Word>(rows * stride)),
        copies(aligned_zeros<Word>(has_copies ? rows * stride : 1)),
        z(aligned_zeros<std::int64_t>(stride)),
        a(aligned_zeros<std::int64_t>(stride)),
        e(aligned_zeros<std::int64_t>(stride)),
        d(aligned_zeros<std::int64_t>(stride)),
        index(units + 1 + 1),
        x(units + 1 + 1) {}

  static std::size_t padded(std::size_t units) {
    const std::size_t lanes = hn::Lanes(hn::ScalableTag<Word>());
    return (units + lanes - 1) / lanes * lanes;
  }

  /// The weights that products use.
  const Word* product_row(std::size_t k) const {
    return (has_copies ? copies : master).get() + k * stride;
  }
  Word* master_row(std::size_t k) { return master.get() + k * stride; }

  const std::size_t inputs, rows, units, stride;  // rows: the inputs and the bias
  const Activation activation;
  const bool has_copies, is_last;
  const int sum_scale, error_scale, leak;
  const WordRange<std::int64_t> accumulator;
  const WideFit to_activation, to_activation_leaking, to_error, to_error_leaking;
  const WideFit to_gradient, to_step, to_copy;
  const WordRange<std::int64_t> master_range;
  const std::int64_t one;                                // the target of the label's unit
  hwy::AlignedFreeUniquePtr<Word[]> master, copies;      // w and v [row][unit]
  hwy::AlignedFreeUniquePtr<std::int64_t[]> z, a, e, d;  // [unit]
  // The inputs of the layer above: activations that are not zero, and the bias.
  std::vector<std::uint32_t> index;
  std::vector<Word> x;
  InputList<Word> outputs{};
};

/// Random words of some rows of weights: those of a list's i-th row begin at base + place[i]
/// stride.
template <class Noise>
struct RowNoise {
  const Noise* base;
  const std::uint32_t* place;
  std::size_t stride;

  HWY_INLINE const Noise* row(std::size_t i) const { return base + place[i] * stride; }
};

/// Random words of one network.
class Draws {
 public:
  Draws(std::uint32_t seed, std::size_t most_units, std::size_t most_rows)
      : seed_(seed),
        words_(aligned_zeros<std::uint32_t>(most_units + margin)),
        halves_(most_units, std::uint32_t{1} << 31) {
    for (std::uint32_t i = 0; i < std::max(most_units, most_rows); ++i) naturals_.push_back(i);
  }

  /// Those of the units of a layer, until the next call.
  const std::uint32_t* units(Drawn tensor, std::size_t layer, std::uint32_t t, std::size_t units) {
    return words_.get() + draw_words(0, units, of(tensor, layer, t), words_.get());
  }

  /// Those of the units of a layer in `steps` steps from t on: [step][units + margin].
  void matrix(Drawn tensor, std::size_t layer, std::uint32_t t, std::size_t steps,
              std::size_t units, std::vector<std::uint32_t>& words) const {
    words.resize(steps * (units + margin));
    for (std::uint32_t i = 0; i < steps; ++i)
      draw_words(0, units, of(tensor, layer, t + i), &words[i * (units + margin)]);
  }
  static constexpr std::size_t margin = 80;  // whole blocks are drawn, and whole vectors read

  /// Those of some rows of a layer, until the next call for the tensor.
  template <class Noise>
  RowNoise<Noise> rows(Drawn tensor, std::size_t layer, std::uint32_t t, const std::uint32_t* index,
                       std::size_t count, std::size_t units) {
    std::vector<std::byte>& room = rows_[tensor == Drawn::master];
    const std::size_t bytes = count * units * sizeof(Noise) + vector_bytes;
    if (room.size() < bytes) room.resize(bytes);
    auto* words = reinterpret_cast<Noise*>(room.data());
    draw_rows(index, count, units, of(tensor, layer, t), words);
    return {words, naturals_.data(), units};
  }

  /// What stands for a row that is not drawn.
  template <class Noise>
  RowNoise<Noise> none() const {
    return {reinterpret_cast<const Noise*>(halves_.data()), naturals_.data(), 0};
  }

  /// Words that make any R = 2^(n-1).
  const std::uint32_t* halves() const { return halves_.data(); }

  /// 0, 1, 2 ...
  const std::uint32_t* naturals() const { return naturals_.data(); }

 private:
  static constexpr std::size_t vector_bytes = 64;  // rows are read in whole vectors

  DrawOf of(Drawn tensor, std::size_t layer, std::uint32_t t) const {
    return {t, static_cast<std::uint32_t>(layer), tensor, seed_};
  }

  std::uint32_t seed_;
  hwy::AlignedFreeUniquePtr<std::uint32_t[]> words_;
  std::vector<std::byte> rows_[2];
  std::vector<std::uint32_t> halves_;
  std::vector<std::uint32_t> naturals_;
};

// What a layer does in 64-bit lanes, exact for every format.

/// Paragraph 5.3, of `count` units: z, at first plain sums, and a.
template <class Word>
void activate(const Layer<Word>& layer, std::int64_t* sums, const std::uint32_t* words,
              std::size_t count, std::int64_t* activations) {
  const Wide d;
  for (std::size_t j = 0; j < count; j += hn::Lanes(d)) {
    VWide z = overflow_lanes(d, hn::Load(d, sums + j), layer.accumulator);
    hn::Store(z, d, sums + j);
    if (layer.activation == Activation::relu) z = hn::Max(z, hn::Zero(d));
    VWide a = layer.to_activation.fit(z, words + j);
    if (layer.activation == Activation::leaky_relu)
      a = hn::IfThenElse(hn::Gt(z, hn::Zero(d)), a, layer.to_activation_leaking.fit(z, words + j));
    hn::Store(a, d, activations + j);
  }
}

/// The first index of the largest activation, compared as binary64.
template <class Word>
std::size_t arg_max(const Layer<Word>& layer) {
  const std::int64_t* a = layer.a.get();
  const auto less = [](std::int64_t left, std::int64_t right) {
    if (sizeof(Word) < sizeof(std::int64_t)) return left < right;
    return static_cast<double>(left) < static_cast<double>(right);
  };
  return static_cast<std::size_t>(std::max_element(a, a + layer.units, less) - a);
}

/// e of the last layer.
template <class Word>
void output_errors(Layer<Word>& layer, std::uint32_t label) {
  for (std::size_t j = 0; j < layer.units; ++j)
    layer.e[j] = wrapping_subtract(j == label ? layer.one : 0, layer.a[j]);
}

/// Paragraph 5.5: d, given e, a plain sum in hidden layers, a and z.
template <class Word>
void find_errors(Layer<Word>& layer, const std::uint32_t* words) {
  const Wide d;
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
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
template <class Word>
void wide_update_row(Layer<Word>& layer, std::size_t k, const std::int64_t* products,
                     const std::uint32_t* for_gradient, const std::uint32_t* for_master,
                     WideSums& sums) {
  const Wide d;
  const int shift = layer.to_step.shift();
  const VWide dropped_bits =
      hn::Set(d, shift > 0 ? static_cast<std::int64_t>((std::uint64_t{1} << shift) - 1) : 0);
  Word* row = layer.master_row(k);
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
    const VWide u = layer.to_gradient.fit(hn::Load(d, products + j), for_gradient + j);
    sums.add_update(u);
    sums.add_dropped(hn::And(u, dropped_bits));
    const VWide step = layer.to_step.round(u, for_master + j);
    store_wide(overflow_lanes(d, hn::Add(load_wide(row + j), step), layer.master_range), row + j);
  }
}

/// Brings row k's weights into the format `weight`.
template <class Word>
void wide_copy_row(Layer<Word>& layer, std::size_t k, const Draws& draws) {
  const Wide d;
  const Word* from = layer.master_row(k);
  Word* to = layer.copies.get() + k * layer.stride;
  for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
    store_wide(layer.to_copy.fit(load_wide(from + j), draws.halves()), to + j);
}

/// Numbers of the next step and of the next batch.
struct Clock {
  std::uint32_t step, batch;
};

/// Everything in 64-bit lanes.
struct WideKernels {
  static constexpr bool guarded = false;

  explicit WideKernels(const NetworkSpec&) {}

  GeneralStatistics statistics() const { return {}; }

  /// Trains on a whole batch, if it can; otherwise it does nothing and returns false.
  template <class Word>
  bool train_batch(std::vector<Layer<Word>>&, std::span<const LabelledInputs<Word>>, Clock, Draws&,
                   std::vector<LayerSums>&, std::size_t, Bits&, const Progress&) {
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

  /// The update of a batch of one sample; the noise is there where it is drawn.
  template <class Word>
  void update(Layer<Word>& layer, const InputList<Word>& list, RowNoise<std::uint32_t> for_gradient,
              RowNoise<std::uint32_t> for_master, LayerSums& total) {
    const Wide d;
    const auto products = aligned_zeros<std::int64_t>(layer.stride);
    WideSums sums;
    for (std::size_t i = 0; i < list.count; ++i) {
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d))
        hn::Store(
            multiply_wide(hn::Load(d, layer.d.get() + j), hn::Set(d, std::int64_t{list.x[i]})), d,
            products.get() + j);
      wide_update_row(layer, list.index[i], products.get(), for_gradient.row(i), for_master.row(i),
                      sums);
    }
    sums.add_to(total);
  }
};

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
    for (std::size_t number = 0; number < spec.layers(); ++number) {
      Layer<Word>& layer = layers_.emplace_back(spec, number);
      for (std::size_t j = 0; j < layer.units; ++j)
        for (std::size_t k = 0; k < layer.inputs; ++k)
          layer.master_row(k)[j] = static_cast<Word>(weights[number][j * layer.inputs + k]);
      if (layer.has_copies)
        for (std::size_t k = 0; k < layer.rows; ++k) wide_copy_row(layer, k, draws_);
    }
  }

  void train(std::span<const LabelledInputs<Word>> samples, std::span<const StepNoise<Word>> noise,
             std::size_t first, Bits& right, const Progress& progress) override {
    for (std::size_t i = 0; i < samples.size();) {
      progress.throw_if_stopped();
      if (spec_.batch > 1 && batch_.empty() && samples.size() - i >= spec_.batch &&
          kernels_.train_batch(layers_, samples.subspan(i, spec_.batch), {step_, batches_done_},
                               draws_, sums_, first + i, right, progress)) {
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
    forward(inputs, [&](std::size_t number) {
      return unit_noise(Drawn::activation, number, noise[number].activation);
    });
    const bool right = arg_max(layers_.back()) == sample.label;
    backward(sample.label, noise);
    if constexpr (Kernels::guarded)
      if (!kernels_.fit(layers_, inputs)) return std::nullopt;
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
    forward(inputs, [&](std::size_t) { return draws_.halves(); });
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

  // Paragraph 5.3. `noise` gives a layer's random words.
  template <class UnitNoise>
  void forward(const InputList<Word>& inputs, const UnitNoise& noise) {
    for (std::size_t number = 0; number < layers_.size(); ++number) {
      Layer<Word>& layer = layers_[number];
      kernels_.products(layer, number == 0 ? inputs : layers_[number - 1].outputs);
      const bool draws = layer.to_activation.draws() || layer.to_activation_leaking.draws();
      const std::uint32_t* words = draws ? noise(number) : draws_.halves();
      activate(layer, layer.z.get(), words, layer.stride, layer.a.get());
      if (!layer.is_last) list_outputs(layer);
    }
  }

  /// The layer's activations as the inputs of the next.
  void list_outputs(Layer<Word>& layer) {
    std::size_t count = 0;
    std::uint64_t largest = 0, sum = 0;
    const auto add = [&](std::size_t k, std::int64_t x) {
      layer.index[count] = static_cast<std::uint32_t>(k);
      layer.x[count] = static_cast<Word>(x);
      count += x != 0;
      largest = std::max(largest, magnitude(x));
      sum += magnitude(x);
    };
    for (std::size_t k = 0; k < layer.units; ++k) add(k, layer.a[k]);
    if (spec_.bias) add(layer.units, layer.one);
    layer.index[count] = 0;
    layer.x[count] = 0;
    layer.outputs = {layer.index.data(), layer.index.data(), layer.x.data(), count, largest, sum};
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
      find_errors(layer, words);
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
    if (std::all_of(layer.d.get(), layer.d.get() + layer.units,
                    [](std::int64_t error) { return error == 0; }))
      return;
    using Noise = NoiseWord<Word>;
    const auto rows = [&](const WideFit& fit, Drawn tensor,
                          const Noise* LayerNoise<Noise>::*shared) -> RowNoise<Noise> {
      if (!fit.draws()) return draws_.none<Noise>();
      if (noise[number].*shared != nullptr) return {noise[number].*shared, list.place, layer.units};
      return draws_.rows<Noise>(tensor, number, batches_done_, list.index, list.count, layer.units);
    };
    kernels_.update(layer, list,
                    rows(layer.to_gradient, Drawn::gradient, &LayerNoise<Noise>::gradient),
                    rows(layer.to_step, Drawn::master, &LayerNoise<Noise>::master), sums_[number]);
    if (layer.has_copies)
      for (std::size_t i = 0; i < list.count; ++i) wide_copy_row(layer, list.index[i], draws_);
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
                        noise(layer.to_step, Drawn::master), sums);
        if (layer.has_copies) wide_copy_row(layer, k, draws_);
      }
      sums.add_to(sums_[number]);
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
  std::uint32_t step_ = 0;          // samples trained on
  std::uint32_t batches_done_ = 0;  //
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
