// A whole batch in 16-bit words: products of matrices, register by register.
// Included once per SIMD target:
#if defined(GRIDRUN_HOST_SHORT_BATCH_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRIDRUN_HOST_SHORT_BATCH_INL_HPP
#undef GRIDRUN_HOST_SHORT_BATCH_INL_HPP
#else
#define GRIDRUN_HOST_SHORT_BATCH_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "engines/cpu/general/short_lanes-inl.hpp"
#include "engines/cpu/general/short_update-inl.hpp"
#include "engines/cpu/general/wide_kernels-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Words of a matrix, rows padded with zeros.
class ShortMatrix {
 public:
  /// All zeros.
  void reset(std::size_t rows, std::size_t columns) {
    const std::size_t lanes = hn::Lanes(Short());
    stride_ = (columns + lanes - 1) / lanes * lanes;
    const std::size_t words = rows * stride_;
    if (words > room_) {
      words_ = aligned_zeros<std::int16_t>(words);
      room_ = words;
    } else {
      std::fill_n(words_.get(), words, std::int16_t{0});
    }
  }
  std::size_t stride() const { return stride_; }
  std::int16_t* row(std::size_t i) { return words_.get() + i * stride_; }
  const std::int16_t* row(std::size_t i) const { return words_.get() + i * stride_; }

 private:
  hwy::AlignedFreeUniquePtr<std::int16_t[]> words_;
  std::size_t room_ = 0, stride_ = 0;
};

/// The largest magnitude and the sum of magnitudes of `count` words, and how many are not zero.
struct Magnitudes {
  std::uint32_t largest = 0;
  std::uint64_t sum = 0, nonzeros = 0;

  Magnitudes() = default;
  Magnitudes(const std::int16_t* words, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto size = static_cast<std::uint32_t>(std::abs(int{words[i]}));
      largest = std::max(largest, size);
      sum += size;
      nonzeros += size != 0;
    }
  }
};

/// Adds to sums[s] the products of `pairs` pairs of rows of a panel with those of kSamples samples.
/// Pairs of a panel's rows are interleaved: a MiddlePair's worth of words for each.
template <std::size_t kSamples>
HWY_INLINE void panel_products(const std::int16_t* panel, std::size_t pairs,
                               const std::int16_t* inputs, std::size_t stride,
                               MiddlePair (&sums)[kSamples]) {
  const Short d;
  for (std::size_t p = 0; p < pairs; ++p) {
    const VShort lower = hn::Load(d, panel + 2 * p * hn::Lanes(d));
    const VShort upper = hn::Load(d, panel + (2 * p + 1) * hn::Lanes(d));
    for (std::size_t s = 0; s < kSamples; ++s) {
      std::int32_t pair;
      std::memcpy(&pair, inputs + s * stride + 2 * p, sizeof pair);
      const VShort x = set_pairs(pair);
      sums[s].lower = hn::Add(sums[s].lower, multiply_pairs(lower, x));
      sums[s].upper = hn::Add(sums[s].upper, multiply_pairs(upper, x));
    }
  }
}

/// The dot products of kRows rows with kSamples others.
template <std::size_t kRows, std::size_t kSamples>
HWY_INLINE void dot_products(const std::int16_t* rows, std::size_t row_stride,
                             const std::int16_t* samples, std::size_t sample_stride,
                             std::size_t length, std::int64_t* to, std::size_t to_stride) {
  const Short d;
  VMiddle sums[kRows][kSamples];
  for (auto& of_row : sums)
    for (VMiddle& sum : of_row) sum = hn::Zero(Middle());
  for (std::size_t j = 0; j < length; j += hn::Lanes(d)) {
    VShort others[kSamples];
    for (std::size_t s = 0; s < kSamples; ++s)
      others[s] = hn::Load(d, samples + s * sample_stride + j);
    for (std::size_t r = 0; r < kRows; ++r) {
      const VShort row = hn::Load(d, rows + r * row_stride + j);
      for (std::size_t s = 0; s < kSamples; ++s)
        sums[r][s] = hn::Add(sums[r][s], multiply_pairs(row, others[s]));
    }
  }
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t s = 0; s < kSamples; ++s)
      to[s * to_stride + r] = hn::GetLane(hn::SumOfLanes(Middle(), sums[r][s]));
}

/// P of kRows rows, over pairs of samples: `errors` are d of a vector of units, sample by sample,
/// `inputs` pairs of x [pair][row].
template <std::size_t kRows>
HWY_INLINE void outer_products(const std::int16_t* errors, std::size_t error_stride,
                               const std::int32_t* inputs, std::size_t input_stride,
                               std::size_t pairs, std::int32_t* to) {
  const Short d;
  const std::size_t lanes = hn::Lanes(Middle());
  MiddlePair sums[kRows];
  for (std::size_t p = 0; p < pairs; ++p) {
    const VShort first = hn::Load(d, errors + 2 * p * error_stride);
    const VShort second = hn::Load(d, errors + (2 * p + 1) * error_stride);
    const VShort lower = hn::InterleaveLower(d, first, second);
    const VShort upper = hn::InterleaveUpper(d, first, second);
    for (std::size_t r = 0; r < kRows; ++r) {
      const VShort x = set_pairs(inputs[p * input_stride + r]);
      sums[r].lower = hn::Add(sums[r].lower, multiply_pairs(lower, x));
      sums[r].upper = hn::Add(sums[r].upper, multiply_pairs(upper, x));
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    hn::Store(sums[r].lower, Middle(), to + 2 * r * lanes);
    hn::Store(sums[r].upper, Middle(), to + (2 * r + 1) * lanes);
  }
}

/// Trains one network on batches. Where sums of 32 bits might overflow, by the largest words that
/// there are, a layer's part of the work is done as it is for single samples, or in 64-bit lanes.
class ShortBatch {
 public:
  template <class Kernels>
  void train(Kernels& kernels, std::vector<Layer<std::int16_t>>& layers,
             std::span<const LabelledInputs<std::int16_t>> samples, Clock clock, Draws& draws,
             std::vector<LayerSums>& sums, std::vector<typename Kernels::Counts>& counts,
             std::size_t first, Bits& right, const Progress& progress) {
    progress_ = &progress;
    states_.resize(layers.size());
    take_inputs(layers.front(), samples);
    for (std::size_t number = 0; number < layers.size(); ++number)
      forward(kernels, layers, number, samples, clock, draws, counts[number]);
    for (std::size_t number = layers.size(); number-- > 0;)
      backward(kernels, layers, number, samples, clock, draws, counts[number], first, right);
    for (std::size_t number = 0; number < layers.size(); ++number)
      update(kernels, layers[number], number, clock, draws, sums[number], counts[number]);
  }

 private:
  static constexpr std::uint64_t most_sum = 0x7fffffff;

  /// What the samples of a batch have in a layer.
  struct State {
    ShortMatrix inputs;                                      // [sample][row], the bias last
    ShortMatrix errors;                                      // d [sample][unit]
    std::vector<std::int64_t> z;                             // [sample][stride], for leaky_relu
    std::uint64_t largest_input = 0, largest_input_sum = 0;  // of |x|, and over a sample
    std::uint64_t nonzeros = 0;                              // of x, over all samples
    std::uint64_t largest_error = 0, largest_error_sum = 0;  // of |d|
    std::uint64_t largest_weight = 0;                        // of |v|
  };

  void take_inputs(const Layer<std::int16_t>& layer,
                   std::span<const LabelledInputs<std::int16_t>> samples) {
    samples_ = samples.size();
    State& state = states_.front();
    state.inputs.reset(samples_ + 1, layer.rows + 1);
    for (std::size_t s = 0; s < samples_; ++s) {
      const InputList<std::int16_t>& list = samples[s].inputs;
      for (std::size_t i = 0; i < list.count; ++i) state.inputs.row(s)[list.index[i]] = list.x[i];
    }
    measure_inputs(state);
  }

  void measure_inputs(State& state) {
    state.largest_input = state.largest_input_sum = state.nonzeros = 0;
    for (std::size_t s = 0; s < samples_; ++s) {
      const Magnitudes sizes(state.inputs.row(s), state.inputs.stride());
      state.largest_input = std::max<std::uint64_t>(state.largest_input, sizes.largest);
      state.largest_input_sum = std::max(state.largest_input_sum, sizes.sum);
      state.nonzeros += sizes.nonzeros;
    }
  }

  /// Random words of a layer's units, [sample], or one row for all.
  struct UnitWords {
    const std::uint32_t* words;
    std::size_t stride;
    const std::uint32_t* sample(std::size_t s) const { return words + s * stride; }
  };
  UnitWords unit_words(bool drawn, Drawn tensor, std::size_t number, std::size_t units,
                       std::uint32_t step, const Draws& draws) {
    if (!drawn) return {draws.halves(), 0};
    draws.matrix(tensor, number, step, samples_, units, unit_words_);
    return {unit_words_.data(), units + Draws::margin};
  }

  // Paragraph 5.3.
  template <class Kernels>
  void forward(Kernels& kernels, std::vector<Layer<std::int16_t>>& layers, std::size_t number,
               std::span<const LabelledInputs<std::int16_t>> samples, Clock clock, Draws& draws,
               typename Kernels::Counts& counts) {
    Layer<std::int16_t>& layer = layers[number];
    State& state = states_[number];
    state.largest_weight = Magnitudes(layer.product_row(0), layer.rows * layer.stride).largest;
    if (!layer.is_last) {
      State& above = states_[number + 1];
      above.inputs.reset(samples_ + 1, std::max(layers[number + 1].rows + 1, layer.stride));
    } else {
      outputs_.reset(samples_, layer.stride);
    }
    ShortMatrix& to = layer.is_last ? outputs_ : states_[number + 1].inputs;
    const bool leaky = layer.activation == Activation::leaky_relu;
    if (leaky) state.z.resize(samples_ * layer.stride);
    const UnitWords words =
        unit_words(layer.to_activation.draws() || layer.to_activation_leaking.draws(),
                   Drawn::activation, number, layer.units, clock.step, draws);
    const auto keep = [&](std::size_t s, std::size_t j, std::int64_t* z, std::size_t count) {
      activate(layer, z, words.sample(s) + j, count, layer.a.get() + j, counts);
      std::int16_t* a = to.row(s) + j;
      for (std::size_t i = 0; i < count; ++i) a[i] = static_cast<std::int16_t>(layer.a[j + i]);
      if (leaky) std::copy_n(z, count, &state.z[s * layer.stride + j]);
    };
    const bool fits = state.largest_weight * state.largest_input_sum <= most_sum;
    // By lists a product takes twice the time, and zeros none; a matrix has to be interleaved
    // first.
    const bool is_sparse = 2 * state.nonzeros < (samples_ + 1) * layer.rows;
    if (fits && !is_sparse) {
      ++kernels.statistics().matrix_sums;
      products(layer, state, keep);
    } else {
      ++(fits ? kernels.statistics().sparse_sums : kernels.statistics().single_sums);
      for (std::size_t s = 0; s < samples_; ++s) {
        progress_->throw_if_stopped();
        kernels.products(layer, number == 0 ? samples[s].inputs : list_of(state, s, layer.rows));
        keep(s, 0, layer.z.get(), layer.stride);
      }
    }
    if (layer.is_last) return;
    if (layers[number + 1].rows > layer.units)
      for (std::size_t s = 0; s < samples_; ++s)
        to.row(s)[layer.units] = static_cast<std::int16_t>(layer.one);
    measure_inputs(states_[number + 1]);
  }

  /// Calls keep(sample, first unit, z, units) for all sums z of a layer, some units at a time.
  template <class Keep>
  void products(const Layer<std::int16_t>& layer, const State& state, const Keep& keep) {
    const Short d;
    const std::size_t pairs = (layer.rows + 1) / 2;
    if (panel_room_ < 4 * pairs) {
      panel_ = aligned_zeros<std::int16_t>(2 * pairs * hn::Lanes(d));
      panel_room_ = 4 * pairs;
    }
    for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
      progress_->throw_if_stopped();
      for (std::size_t p = 0; p < pairs; ++p) {
        const VShort first = hn::Load(d, layer.product_row(2 * p) + j);
        const VShort second =
            2 * p + 1 < layer.rows ? hn::Load(d, layer.product_row(2 * p + 1) + j) : hn::Zero(d);
        hn::Store(hn::InterleaveLower(d, first, second), d, panel_.get() + 2 * p * hn::Lanes(d));
        hn::Store(hn::InterleaveUpper(d, first, second), d,
                  panel_.get() + (2 * p + 1) * hn::Lanes(d));
      }
      std::size_t s = 0;
      for (; s + 6 <= samples_; s += 6) sums_of<6>(state, pairs, s, j, keep);
      for (; s + 2 <= samples_; s += 2) sums_of<2>(state, pairs, s, j, keep);
      for (; s < samples_; ++s) sums_of<1>(state, pairs, s, j, keep);
    }
  }

  template <std::size_t kSamples, class Keep>
  HWY_INLINE void sums_of(const State& state, std::size_t pairs, std::size_t first, std::size_t j,
                          const Keep& keep) {
    MiddlePair sums[kSamples];
    panel_products<kSamples>(panel_.get(), pairs, state.inputs.row(first), state.inputs.stride(),
                             sums);
    HWY_ALIGN std::int64_t z[hn::MaxLanes(Short())];
    for (std::size_t s = 0; s < kSamples; ++s) {
      sums[s].store(z);
      keep(first + s, j, z, hn::Lanes(Short()));
    }
  }

  /// A sample's inputs of a layer that are not zero.
  InputList<std::int16_t> list_of(const State& state, std::size_t s, std::size_t rows) {
    const std::int16_t* x = state.inputs.row(s);
    index_.clear();
    x_.clear();
    Ends ends;
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < rows; ++k) {
      if (x[k] == 0) continue;
      index_.push_back(static_cast<std::uint32_t>(k));
      x_.push_back(x[k]);
      ends.add(x[k]);
      sum += magnitude(x[k]);
    }
    const std::size_t count = x_.size();
    index_.push_back(0);
    x_.push_back(0);
    return {index_.data(), index_.data(), x_.data(), count, ends, sum};
  }

  // Paragraph 5.5.
  template <class Kernels>
  void backward(Kernels& kernels, std::vector<Layer<std::int16_t>>& layers, std::size_t number,
                std::span<const LabelledInputs<std::int16_t>> samples, Clock clock, Draws& draws,
                typename Kernels::Counts& counts, std::size_t first, Bits& right) {
    Layer<std::int16_t>& layer = layers[number];
    State& state = states_[number];
    if (!layer.is_last) hidden_errors(kernels, layers[number + 1], states_[number + 1], layer);
    state.errors.reset(samples_ + 1, layer.stride);
    state.largest_error = state.largest_error_sum = 0;
    const UnitWords words = unit_words(layer.to_error.draws() || layer.to_error_leaking.draws(),
                                       Drawn::error, number, layer.units, clock.step, draws);
    const ShortMatrix& activations = layer.is_last ? outputs_ : states_[number + 1].inputs;
    for (std::size_t s = 0; s < samples_; ++s) {
      const std::int16_t* a = activations.row(s);
      for (std::size_t j = 0; j < layer.units; ++j) layer.a[j] = a[j];
      if (layer.activation == Activation::leaky_relu)
        std::copy_n(&state.z[s * layer.stride], layer.stride, layer.z.get());
      if (layer.is_last) {
        output_errors(layer, samples[s].label);
        if (arg_max(layer) == samples[s].label) right.set(first + s);
      } else {
        std::copy_n(&e_[s * layer.stride], layer.stride, layer.e.get());
      }
      find_errors(layer, words.sample(s), counts);
      std::int16_t* d = state.errors.row(s);
      for (std::size_t j = 0; j < layer.units; ++j) d[j] = static_cast<std::int16_t>(layer.d[j]);
      const Magnitudes sizes(d, layer.units);
      state.largest_error = std::max<std::uint64_t>(state.largest_error, sizes.largest);
      state.largest_error_sum = std::max(state.largest_error_sum, sizes.sum);
    }
  }

  /// e_ of a layer [sample][stride], by the errors of the layer above.
  template <class Kernels>
  void hidden_errors(Kernels& kernels, Layer<std::int16_t>& above, const State& state,
                     const Layer<std::int16_t>& layer) {
    e_.assign(samples_ * layer.stride, 0);
    if (state.largest_weight * state.largest_error_sum <= most_sum) {
      ++kernels.statistics().matrix_errors;
      std::size_t k = 0;
      for (; k + 4 <= layer.units; k += 4) {
        progress_->throw_if_stopped();
        errors_of<4>(above, state, k, layer.stride);
      }
      for (; k < layer.units; ++k) errors_of<1>(above, state, k, layer.stride);
      return;
    }
    ++kernels.statistics().single_errors;
    all_.resize(layer.units);
    for (std::size_t k = 0; k < layer.units; ++k) all_[k] = static_cast<std::uint32_t>(k);
    for (std::size_t s = 0; s < samples_; ++s) {
      progress_->throw_if_stopped();
      for (std::size_t j = 0; j < above.stride; ++j) above.d[j] = state.errors.row(s)[j];
      kernels.row_errors(above, all_.data(), layer.units, &e_[s * layer.stride]);
    }
  }

  template <std::size_t kRows>
  HWY_INLINE void errors_of(const Layer<std::int16_t>& above, const State& state, std::size_t k,
                            std::size_t stride) {
    const std::int16_t* rows = above.product_row(k);
    const std::size_t of_errors = state.errors.stride();
    std::size_t s = 0;
    for (; s + 3 <= samples_; s += 3)
      dot_products<kRows, 3>(rows, above.stride, state.errors.row(s), of_errors, above.stride,
                             &e_[s * stride + k], stride);
    for (; s < samples_; ++s)
      dot_products<kRows, 1>(rows, above.stride, state.errors.row(s), of_errors, above.stride,
                             &e_[s * stride + k], stride);
  }

  // Paragraph 5.6.
  template <class Kernels>
  void update(Kernels& kernels, Layer<std::int16_t>& layer, std::size_t number, Clock clock,
              Draws& draws, LayerSums& sums, typename Kernels::Counts& counts) {
    const State& state = states_[number];
    find_active(state, layer.rows);
    const std::uint64_t most_added = std::uint64_t{1} << layer.to_gradient.shift();  // to P
    if (samples_ * state.largest_input * state.largest_error <= most_sum - most_added) {
      ++kernels.statistics().matrix_updates;
      update_by_pairs(kernels, layer, number, clock, draws, sums, counts);
    } else {
      ++kernels.statistics().wide_batch_updates;
      update_in_wide_lanes(layer, number, clock, draws, sums, counts);
    }
    if (layer.has_copies)
      for (const std::uint32_t k : active_) copy_row(layer, k, draws);
  }

  /// active_: the rows that have an input which is not zero. The others' P is zero.
  void find_active(const State& state, std::size_t rows) {
    any_input_.assign(rows, 0);
    for (std::size_t s = 0; s < samples_; ++s)
      for (std::size_t k = 0; k < rows; ++k)
        any_input_[k] = static_cast<std::int16_t>(any_input_[k] | state.inputs.row(s)[k]);
    active_.clear();
    for (std::size_t k = 0; k < rows; ++k)
      if (any_input_[k] != 0) active_.push_back(static_cast<std::uint32_t>(k));
  }

  template <class Kernels>
  void update_by_pairs(Kernels& kernels, Layer<std::int16_t>& layer, std::size_t number,
                       Clock clock, Draws& draws, LayerSums& sums,
                       typename Kernels::Counts& counts) {
    const Short d;
    const State& state = states_[number];
    Update update(layer, kernels.formats().gradient, kernels.formats().master,
                  kernels.update_kernels().round);
    update.count(kernels.statistics());
    const auto noise = [&](const WideFit& fit, Drawn tensor) {
      return fit.draws() ? draws.rows<std::uint16_t>(tensor, number, clock.batch, active_.data(),
                                                     active_.size(), layer.units)
                         : draws.none<std::uint16_t>();
    };
    update.for_gradient = noise(layer.to_gradient, Drawn::gradient);
    update.for_master = noise(layer.to_step, Drawn::master);
    const std::size_t rows = active_.size();
    update.index = active_.data();

    constexpr std::size_t block = 6;
    const std::size_t stride = (rows + block - 1) / block * block;
    const std::size_t pairs = (samples_ + 1) / 2;  // the matrices have a sample of zeros more
    input_pairs_.assign(pairs * stride, 0);
    for (std::size_t p = 0; p < pairs; ++p) {
      const std::int16_t *even = state.inputs.row(2 * p), *odd = state.inputs.row(2 * p + 1);
      for (std::size_t i = 0; i < rows; ++i)
        input_pairs_[p * stride + i] = pair_of(even[active_[i]], odd[active_[i]]);
    }
    const auto by_products = update.is_far || update.draws_far
                                 ? kernels.update_kernels().by_products_far
                                 : kernels.update_kernels().by_products;
    constexpr std::size_t some = 16 * block;
    HWY_ALIGN std::int32_t products[some * hn::MaxLanes(Short())];
    for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
      const std::int16_t* errors = state.errors.row(0) + j;
      for (std::size_t k = 0; k < rows; k += some) {
        progress_->throw_if_stopped();
        const std::size_t end = std::min(rows, k + some);
        for (std::size_t r = k; r < end; r += block)
          outer_products<block>(errors, state.errors.stride(), &input_pairs_[r], stride, pairs,
                                products + (r - k) * hn::Lanes(d));
        UpdateCounts counted;
        if constexpr (Kernels::Counts::counts) {
          const Ends ends = ends_of_rows(products, end - k);
          const Counting counting = begin_counts(layer, kernels.formats(), ends, counted, counts);
          const UpdateByProducts counting_by_products =
              counting == Counting::any ? count_any_by_products : by_products;
          Update part = update.part(k, end - k);
          part.updates_fit = counted.updates_fit;
          counting_by_products(part, products, j, sums, counted);
          kernels.end_counting(layer, counted, counting, counts);
        } else {
          by_products(update.part(k, end - k), products, j, sums, counted);
        }
      }
    }
    if constexpr (Kernels::Counts::counts) counts.add_updates(0, 0, 0, sum_of_products(state));
  }

  /// Of P of some rows of a vector of units, the sum left out.
  static Ends ends_of_rows(const std::int32_t* products, std::size_t rows) {
    const Middle d;
    VMiddle least = hn::Zero(d), most = hn::Zero(d);
    for (std::size_t i = 0; i < 2 * rows; ++i) {
      const VMiddle some = hn::Load(d, products + i * hn::Lanes(d));
      least = hn::Min(least, some);
      most = hn::Max(most, some);
    }
    Ends ends;
    ends.least = hn::GetLane(hn::MinOfLanes(d, least));
    ends.most = hn::GetLane(hn::MaxOfLanes(d, most));
    return ends;
  }

  /// The sum of P over all rows and units: of each sample, the sum of d times that of x.
  SignedSum sum_of_products(const State& state) const {
    SignedSum total = 0;
    for (std::size_t s = 0; s < samples_; ++s) {
      const std::int16_t *x = state.inputs.row(s), *d = state.errors.row(s);
      total += SignedSum{std::accumulate(x, x + state.inputs.stride(), std::int64_t{0})} *
               std::accumulate(d, d + state.errors.stride(), std::int64_t{0});
    }
    return total;
  }

  template <class Counts>
  void update_in_wide_lanes(Layer<std::int16_t>& layer, std::size_t number, Clock clock,
                            Draws& draws, LayerSums& total, Counts& counts) {
    const Wide d;
    const hn::Repartition<std::int32_t, Wide> low_halves;
    const State& state = states_[number];
    const auto products = aligned_zeros<std::int64_t>(layer.stride);
    WideSums sums;
    struct Term {
      const std::int16_t* errors;
      std::int32_t x;
    };
    std::vector<Term> terms;
    for (const std::uint32_t k : active_) {
      progress_->throw_if_stopped();
      terms.clear();
      for (std::size_t s = 0; s < samples_; ++s)
        if (const std::int16_t x = state.inputs.row(s)[k]; x != 0)
          terms.push_back({state.errors.row(s), x});
      for (std::size_t j = 0; j < layer.stride; j += hn::Lanes(d)) {
        VWide product = hn::Zero(d);
        for (const Term& term : terms)
          product =
              hn::Add(product, hn::MulEven(hn::BitCast(low_halves, load_wide(term.errors + j)),
                                           hn::Set(low_halves, term.x)));
        hn::Store(product, d, products.get() + j);
      }
      const auto noise = [&](const WideFit& fit, Drawn tensor) {
        if (!fit.draws()) return draws.halves();
        return draws.rows<std::uint32_t>(tensor, number, clock.batch, &k, 1, layer.units).base;
      };
      wide_update_row(layer, k, products.get(), noise(layer.to_gradient, Drawn::gradient),
                      noise(layer.to_step, Drawn::master), sums, counts);
    }
    sums.add_to(total);
    counts.end_update();
  }

  const Progress* progress_ = nullptr;  // of the batch in work
  std::size_t samples_ = 0;
  std::vector<State> states_;  // [layer]
  ShortMatrix outputs_;        // a of the last layer [sample][unit]
  hwy::AlignedFreeUniquePtr<std::int16_t[]> panel_;
  std::size_t panel_room_ = 0;  // rows
  std::vector<std::uint32_t> unit_words_;
  std::vector<std::int64_t> e_;
  std::vector<std::int32_t> input_pairs_;  // [pair of samples][row]
  std::vector<std::uint32_t> active_, all_, index_;
  std::vector<std::int16_t> any_input_;
  std::vector<std::int16_t> x_;
};

}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#endif
