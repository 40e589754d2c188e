// Device: trains networks as docs/arithmetic.md defines them (parts 5 and 7), a block each.
// Compiled by nvcc and, over the emulation, by the tests.
//
// Numbers are words of 64 bits that wrap. Where formats allow, weights are stored in shorter ones,
// factors have 32 bits, and so have updates. Formats are the same for all lanes of a block, so that
// what depends on them takes the same branch in all.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"
#include "gridrun/count_value.hpp"
#include "gridrun/philox.hpp"
#include "gridrun/weights_digest.hpp"

namespace gridrun::cuda {

/// What a kernel is compiled for.
template <typename Word_, bool kSharedWeights, bool kSharedVectors, bool kCounts = false>
struct NetworkTraining {
  using Word = Word_;
  static constexpr bool shared_weights = kSharedWeights;
  static constexpr bool shared_vectors = kSharedVectors;
  static constexpr bool counts = kCounts;
  /// What holds weights, inputs, activations and errors in products.
  using Value = std::conditional_t<sizeof(Word) == 8, std::int64_t, std::int32_t>;
};

/// The random numbers of one element of a tensor.
struct ElementDraw {
  std::uint32_t seed;
  Drawn tensor;
  std::uint32_t layer;
  std::uint32_t t;  // the step, or for weights the batch
  std::uint64_t element;
  bool is_half = false;  // R is half of a unit: in the held-out pass

  /// R of a shift.
  __device__ __forceinline__ std::uint64_t operator()(const Fitting& into) const {
    if (is_half) return std::uint64_t{1} << (into.shift - 1);
    const PhiloxBlock block = philox(
        {{static_cast<std::uint32_t>(element / 4), t, layer, static_cast<std::uint32_t>(tensor)}},
        seed, rounding_key);
    const auto place = static_cast<std::uint32_t>(element % 4);
    const std::uint32_t low = place == 0 ? block.word[0] : block.word[1];
    const std::uint32_t high = place == 2 ? block.word[2] : block.word[3];
    return random_rest(place < 2 ? low : high, into.shift, into.random_bits);
  }
};

/// A value rounded, not yet overflowed; by a shift to the right.
template <typename Number>
__device__ __forceinline__ Number rounded(Number value, const Fitting& into,
                                          const ElementDraw& draw) {
  const std::uint64_t random = into.round == Round::stochastic ? draw(into) : 0;
  return round_shift_in<Number>(value, into.shift, into.round,
                                static_cast<std::make_unsigned_t<Number>>(random));
}

/// fit(), and counts the value before it overflows. In 32 bits it shifts to the right.
template <bool kCounts, typename Number>
__device__ __forceinline__ Number fitted(Number value, const Fitting& into, const ElementDraw& draw,
                                         TensorDiagnostics* counts) {
  const Format format{into.bits, 0, into.round, into.overflow, into.random_bits};
  if constexpr (sizeof(Number) == sizeof(std::int64_t))
    if (into.shift <= 0) {
      if constexpr (kCounts) count_value(*counts, value, format, -into.shift);
      return overflowed_left_shift(value, -into.shift, into.bits, into.overflow);
    }
  const Number result = rounded(value, into, draw);
  if constexpr (kCounts) count_value(*counts, result, format);
  return overflowed_in<Number>(result, into.bits, into.overflow);
}

template <class T>
class BlockTrainer {
 public:
  using Word = typename T::Word;
  using Value = typename T::Value;

  __device__ __forceinline__ explicit BlockTrainer(const NetworkArguments& arguments)
      : arguments_(arguments),
        network_(arguments.networks[blockIdx.x]),
        arithmetic_(arguments.arithmetic + std::size_t{blockIdx.x} * arguments.layers),
        sums_(arguments.lane_sums + std::size_t{blockIdx.x} * arguments.layers * blockDim.x +
              threadIdx.x),
        stored_(static_cast<Word*>(arguments.weights) +
                std::size_t{blockIdx.x} * arguments.weights_stride),
        parts_(static_cast<std::int64_t*>(dynamic_shared_memory())),
        lane_(threadIdx.x),
        lanes_(blockDim.x) {
    if constexpr (T::counts)
      counts_ = arguments.lane_counts + std::size_t{blockIdx.x} * arguments.layers * blockDim.x +
                threadIdx.x;
    std::int64_t* const after_parts = parts_ + lanes_;
    if constexpr (T::shared_weights) {
      weights_ =
          reinterpret_cast<Word*>(after_parts + (T::shared_vectors ? arguments.vectors.words : 0));
      for (std::size_t i = lane_; i < arguments.weights_stride; i += lanes_)
        weights_[i] = stored_[i];
      __syncthreads();
    } else {
      weights_ = stored_;
    }
  }

  /// The ith step of the launch.
  __device__ __forceinline__ void train(std::uint32_t i) {
    const std::uint32_t step = arguments_.first_step + i;
    vectors_ = vectors_of(step % network_.batch);
    const std::uint32_t label = forward(i);
    if constexpr (T::counts)
      for (std::uint32_t layer = lane_; layer < arguments_.layers; layer += lanes_)
        count_inactive(layer);
    for (std::uint32_t layer = arguments_.layers; layer-- > 0;) backward(layer, step, label);
    if ((step + 1) % network_.batch == 0)
      for (std::uint32_t layer = 0; layer < arguments_.layers; ++layer)
        update(layer, step / network_.batch);
    __syncthreads();
  }

  /// The ith sample of the held-out pass.
  __device__ __forceinline__ void judge(std::uint32_t i) {
    vectors_ = vectors_of(0);
    forward(i);
    __syncthreads();
  }

  /// Stores the weights where the next launch finds them.
  __device__ __forceinline__ void finish() {
    if constexpr (T::shared_weights)
      for (std::size_t i = lane_; i < arguments_.weights_stride; i += lanes_)
        stored_[i] = weights_[i];
  }

 private:
  /// Inputs of a layer: `index` of each, or all in their order where it is null.
  struct Inputs {
    const std::uint32_t* index;
    const std::int64_t* x;
    std::uint32_t count;

    __device__ __forceinline__ std::uint32_t row(std::uint32_t i) const {
      return index != nullptr ? index[i] : i;
    }
  };

  __device__ __forceinline__ std::int64_t* vectors_of(std::uint32_t sample) const {
    if constexpr (T::shared_vectors) return parts_ + lanes_;
    return arguments_.global_vectors + network_.vectors +
           std::size_t{sample} * arguments_.vectors.words;
  }

  __device__ __forceinline__ LayerPlace place(std::uint32_t layer) const {
    return arguments_.places[layer];
  }
  __device__ __forceinline__ std::uint32_t row_length(const LayerPlace& place) const {
    return place.inputs + network_.bias;
  }

  __device__ __forceinline__ std::int64_t word_of(std::uint32_t at) const {
    const StepInputs& steps = arguments_.steps;
    if (steps.bytes != nullptr)
      return arguments_.byte_words[std::size_t{network_.byte_words} * 256 + steps.bytes[at]];
    return overflowed(quantise(steps.reals[at], network_.input_fraction), network_.input.bits,
                      network_.input.overflow);
  }

  /// Reads a sample's inputs.
  __device__ __forceinline__ void take_inputs(std::uint32_t i) {
    const std::uint32_t begin = arguments_.steps.first[i], end = arguments_.steps.first[i + 1];
    const std::uint32_t* const index = arguments_.steps.index;
    std::int64_t* const x = vectors_ + arguments_.vectors.inputs;
    const std::uint32_t inputs = place(0).inputs;
    if (network_.batch == 1) {
      auto* const rows = reinterpret_cast<std::uint32_t*>(vectors_);
      for (std::uint32_t at = begin + lane_; at < end; at += lanes_) {
        rows[at - begin] = index[at];
        x[at - begin] = word_of(at);
      }
      if (network_.bias && lane_ == 0) {
        rows[end - begin] = inputs;
        x[end - begin] = arithmetic_[0].one;
      }
      input_count_ = end - begin + network_.bias;
    } else {
      for (std::uint32_t k = lane_; k < inputs; k += lanes_) x[k] = 0;
      __syncthreads();
      for (std::uint32_t at = begin + lane_; at < end; at += lanes_) x[index[at]] = word_of(at);
      if (network_.bias && lane_ == 0) x[inputs] = arithmetic_[0].one;
      input_count_ = inputs + network_.bias;
    }
  }

  __device__ __forceinline__ Inputs inputs_of(std::uint32_t layer,
                                              const std::int64_t* vectors) const {
    if (layer != 0)
      return {nullptr, vectors + place(layer - 1).activations, row_length(place(layer))};
    return {network_.batch == 1 ? reinterpret_cast<const std::uint32_t*>(vectors) : nullptr,
            vectors + arguments_.vectors.inputs, input_count_};
  }

  /// A weight as products use it.
  __device__ __forceinline__ Value product_weight(Word w) const {
    if (!network_.has_copies) return w;
    const Fitting& copy = network_.copy;
    if (copy.shift <= 0)
      return static_cast<Value>(overflowed_left_shift(w, -copy.shift, copy.bits, copy.overflow));
    return static_cast<Value>(
        overflowed(round_shift(w, copy.shift, copy.round, 0), copy.bits, copy.overflow));
  }

  /// Unit j's products with inputs `first`, first + stride, ...
  __device__ __forceinline__ std::int64_t product_sum(const Inputs& inputs, const Word* weights,
                                                      std::uint32_t units, std::uint32_t j,
                                                      std::uint32_t first,
                                                      std::uint32_t stride) const {
    std::int64_t sum = 0;
    for (std::uint32_t i = first; i < inputs.count; i += stride) {
      const auto x = static_cast<Value>(inputs.x[i]);
      if (x == 0) continue;
      const Word w = weights[std::size_t{inputs.row(i)} * units + j];
      sum = wrapping_add(sum, product(product_weight(w), x));
    }
    return sum;
  }

  /// Reads a sample, passes it through all layers and notes whether the network was right. Returns
  /// its label.
  __device__ __forceinline__ std::uint32_t forward(std::uint32_t i) {
    const std::uint32_t step = arguments_.first_step + i, label = arguments_.steps.labels[i];
    take_inputs(i);
    __syncthreads();
    for (std::uint32_t layer = 0; layer < arguments_.layers; ++layer) forward(layer, step);
    if (lane_ < warp_lanes) note_right(step, i, arg_max() == label);
    return label;
  }

  // Paragraph 5.3. Where there are lanes enough, several share the inputs of a unit.
  __device__ __forceinline__ void forward(std::uint32_t layer, std::uint32_t step) {
    const LayerPlace at = place(layer);
    const Inputs inputs = inputs_of(layer, vectors_);
    const Word* const weights = weights_ + at.weights;
    const std::uint32_t shares = lanes_ / at.units;
    if (shares > 1) {
      const std::uint32_t share = lane_ / at.units, j = lane_ % at.units;
      if (share < shares) parts_[lane_] = product_sum(inputs, weights, at.units, j, share, shares);
      __syncthreads();
      if (lane_ < at.units) {
        std::int64_t z = 0;
        for (std::uint32_t part = lane_; part < shares * at.units; part += at.units)
          z = wrapping_add(z, parts_[part]);
        activate(layer, at, lane_, z, step);
      }
    } else {
      for (std::uint32_t j = lane_; j < at.units; j += lanes_)
        activate(layer, at, j, product_sum(inputs, weights, at.units, j, 0, 1), step);
    }
    if (lane_ == 0 && network_.bias && layer + 1 < arguments_.layers)
      vectors_[at.activations + at.units] = arithmetic_[layer + 1].one;
    __syncthreads();
  }

  __device__ __forceinline__ std::int64_t accumulated(std::uint32_t layer, std::int64_t sum) {
    const Fitting& into = network_.accumulator;
    if constexpr (T::counts)
      count_value(*counts_of(layer, Tensor::accumulator), sum,
                  Format{into.bits, 0, Round::floor, into.overflow, 32});
    return overflowed(sum, into.bits, into.overflow);
  }

  __device__ __forceinline__ void activate(std::uint32_t layer, const LayerPlace& at,
                                           std::uint32_t j, std::int64_t sum, std::uint32_t step) {
    const LayerArithmetic& arithmetic = arithmetic_[layer];
    std::int64_t z = accumulated(layer, sum);
    vectors_[at.sums + j] = z;
    if (arithmetic.kind == Activation::relu && z < 0) z = 0;
    const bool leaks = arithmetic.kind == Activation::leaky_relu && z <= 0;
    vectors_[at.activations + j] = fitted<T::counts>(
        z, leaks ? arithmetic.leaking_activation : arithmetic.activation,
        {network_.rounding_seed, Drawn::activation, layer, step, j, arguments_.judges},
        counts_of(layer, Tensor::activation));
  }

  /// The first output that is largest as binary64; for the lanes of the first warp.
  __device__ __forceinline__ std::uint32_t arg_max() const {
    const LayerPlace at = place(arguments_.layers - 1);
    std::uint32_t best = at.units;
    double largest = 0;
    const auto look_at = [&](std::uint32_t j, double a) {
      if (best == at.units || a > largest || (a == largest && j < best)) {
        largest = a;
        best = j;
      }
    };
    for (std::uint32_t j = lane_; j < at.units; j += warp_lanes)
      look_at(j, static_cast<double>(vectors_[at.activations + j]));
    for (int step = 1; step < warp_lanes; step *= 2) {
      const double a = __shfl_xor_sync(all_lanes, largest, step);
      const std::uint32_t j = __shfl_xor_sync(all_lanes, best, step);
      if (j != at.units) look_at(j, a);
    }
    return best;
  }

  /// Notes whether a step was right; for the lanes of the first warp.
  __device__ __forceinline__ void note_right(std::uint32_t step, std::uint32_t i, bool is_right) {
    if (lane_ != 0) return;
    std::uint32_t& word =
        arguments_.right[std::size_t{blockIdx.x} * arguments_.right_stride + step / 32];
    if (i == 0) right_ = step % 32 == 0 ? 0 : word;  // a launch before began it
    if (step % 32 == 0) right_ = 0;
    right_ |= std::uint32_t{is_right} << step % 32;
    if (step % 32 == 31 || i + 1 == arguments_.step_count) word = right_;
  }

  /// Whether an error passes whole.
  __device__ __forceinline__ bool is_active(Activation kind, const LayerPlace& at,
                                            std::uint32_t j) const {
    if (kind == Activation::relu) return vectors_[at.activations + j] > 0;
    return kind == Activation::linear || vectors_[at.sums + j] > 0;
  }

  __device__ __forceinline__ void count_inactive(std::uint32_t layer) {
    const LayerPlace at = place(layer);
    bool any = false;
    for (std::uint32_t j = 0; j < at.units && !any; ++j)
      any = is_active(arithmetic_[layer].kind, at, j);
    LayerCounts& counts = counts_[std::size_t{layer} * lanes_];
    counts.inactive += !any;
    counts.last_inactive = any ? 0 : counts.last_inactive + 1;
  }

  // Paragraph 5.5.
  __device__ __forceinline__ void backward(std::uint32_t layer, std::uint32_t step,
                                           std::uint32_t label) {
    const LayerPlace at = place(layer);
    if (layer + 1 == arguments_.layers) {
      for (std::uint32_t j = lane_; j < at.units; j += lanes_) {
        if (!passes(layer, at, j)) continue;
        const std::int64_t target = j == label ? network_.target : 0;
        find_error(layer, at, j, wrapping_subtract(target, vectors_[at.activations + j]), step);
      }
    } else {
      hidden_errors(layer, at, step);
    }
    __syncthreads();
  }

  /// Whether a unit has an error; notes where it has none.
  __device__ __forceinline__ bool passes(std::uint32_t layer, const LayerPlace& at,
                                         std::uint32_t j) const {
    const bool passes =
        arithmetic_[layer].kind != Activation::relu || vectors_[at.activations + j] > 0;
    if (!passes) vectors_[at.errors + j] = 0;
    return passes;
  }

  /// A team of lanes adds up the products of a row of the layer above.
  __device__ __forceinline__ void hidden_errors(std::uint32_t layer, const LayerPlace& at,
                                                std::uint32_t step) {
    const LayerPlace above = place(layer + 1);
    std::uint32_t team = 1;
    while (team < above.units && team < warp_lanes) team *= 2;
    const std::uint32_t teams = lanes_ / team;
    for (std::uint32_t first = 0; first < at.units; first += teams) {
      const std::uint32_t k = first + lane_ / team;
      const bool sums = k < at.units && (arithmetic_[layer].kind != Activation::relu ||
                                         vectors_[at.activations + k] > 0);
      std::int64_t e = 0;
      if (sums) {
        const Word* const row = weights_ + above.weights + std::size_t{k} * above.units;
        for (std::uint32_t j = lane_ % team; j < above.units; j += team)
          e = wrapping_add(
              e, product(product_weight(row[j]), static_cast<Value>(vectors_[above.errors + j])));
      }
      for (std::uint32_t other = 1; other < team; other *= 2)
        e = wrapping_add(e, __shfl_xor_sync(all_lanes, e, static_cast<int>(other)));
      if (k < at.units && lane_ % team == 0) {
        if (sums)
          find_error(layer, at, k, accumulated(layer, e), step);
        else
          vectors_[at.errors + k] = 0;
      }
    }
  }

  __device__ __forceinline__ void find_error(std::uint32_t layer, const LayerPlace& at,
                                             std::uint32_t j, std::int64_t e, std::uint32_t step) {
    const LayerArithmetic& arithmetic = arithmetic_[layer];
    const bool leaks = arithmetic.kind == Activation::leaky_relu && vectors_[at.sums + j] <= 0;
    vectors_[at.errors + j] = fitted<T::counts>(
        e, leaks ? arithmetic.leaking_error : arithmetic.error,
        {network_.rounding_seed, Drawn::error, layer, step, j}, counts_of(layer, Tensor::error));
  }

  /// What updates of a lane add up to in a step.
  template <typename Number>
  struct UpdateSums {
    using Sum = std::conditional_t<sizeof(Number) == 4, std::uint64_t, WideSum>;
    Sum abs_update = 0, dropped = 0;
  };

  /// What an update of a layer needs, where no store can reach it.
  struct Update {
    const Fitting gradient, step, master;
    const std::uint32_t layer, batch, seed, units;
    Word* const weights;
  };

  // Paragraph 5.6.
  __device__ __forceinline__ void update(std::uint32_t layer, std::uint32_t batch) {
    if constexpr (sizeof(Value) == 4 && !T::counts)
      if (arithmetic_[layer].updates_in_32_bits) return update<std::int32_t>(layer, batch);
    update<std::int64_t>(layer, batch);
  }

  /// Where there are lanes enough, several share the inputs of a unit.
  template <typename Number>
  __device__ __forceinline__ void update(std::uint32_t layer, std::uint32_t batch) {
    const LayerPlace at = place(layer);
    const Update update{
        arithmetic_[layer].gradient, network_.step, network_.master,      layer, batch,
        network_.rounding_seed,      at.units,      weights_ + at.weights};
    UpdateSums<Number> sums;
    const std::uint32_t shares = lanes_ / at.units;
    if (shares > 1) {
      if (lane_ / at.units < shares)
        update_unit(update, at, lane_ % at.units, lane_ / at.units, shares, sums);
    } else {
      for (std::uint32_t j = lane_; j < at.units; j += lanes_)
        update_unit(update, at, j, 0, 1, sums);
    }
    LayerSums& all = sums_[std::size_t{layer} * lanes_];
    if (sums.abs_update != 0) all.abs_update += sums.abs_update;
    if (sums.dropped != 0) all.dropped += sums.dropped;
  }

  /// Updates unit j's weights of inputs `first`, first + stride, ...
  template <typename Number>
  __device__ __forceinline__ void update_unit(const Update& update, const LayerPlace& at,
                                              std::uint32_t j, std::uint32_t first,
                                              std::uint32_t stride, UpdateSums<Number>& sums) {
    if (network_.batch == 1) {
      const auto d = static_cast<Value>(vectors_[at.errors + j]);
      if (d == 0) return;
      const Inputs inputs = inputs_of(update.layer, vectors_);
      for (std::uint32_t i = first; i < inputs.count; i += stride)
        update_weight(update, inputs.row(i), j,
                      static_cast<Number>(product(d, static_cast<Value>(inputs.x[i]))), sums);
    } else if constexpr (sizeof(Number) == sizeof(std::int64_t)) {
      const std::size_t samples = network_.batch, words = arguments_.vectors.words;
      const std::int64_t* const d = vectors_of(0) + at.errors + j;
      const Inputs inputs = inputs_of(update.layer, vectors_of(0));
      for (std::uint32_t k = first; k < inputs.count; k += stride) {
        std::int64_t sum = 0;
        for (std::size_t sample = 0; sample < samples * words; sample += words)
          sum = wrapping_add(sum, product(static_cast<Value>(d[sample]),
                                          static_cast<Value>(inputs.x[sample + k])));
        update_weight(update, k, j, sum, sums);
      }
    }
  }

  /// Updates a weight by P. In 32 bits everything fits, and all shifts are to the right.
  template <typename Number>
  __device__ __forceinline__ void update_weight(const Update& update, std::uint32_t k,
                                                std::uint32_t j, Number p,
                                                UpdateSums<Number>& sums) {
    if (p == 0) return;  // u = 0 and step = 0, in every rounding
    const std::uint64_t element = std::uint64_t{k} * update.units + j;
    const auto draw = [&](Drawn tensor) -> ElementDraw {
      return {update.seed, tensor, update.layer, update.batch, element};
    };
    const Number u = fitted<T::counts, Number>(p, update.gradient, draw(Drawn::gradient),
                                               counts_of(update.layer, Tensor::gradient));
    using Unsigned = std::make_unsigned_t<Number>;
    sums.abs_update += u < 0 ? Unsigned{0} - static_cast<Unsigned>(u) : static_cast<Unsigned>(u);
    Number step;
    if (sizeof(Number) == sizeof(std::int64_t) && update.step.shift <= 0) {
      step = static_cast<Number>(left_shift(u, -update.step.shift));
    } else {
      sums.dropped += static_cast<Unsigned>(u) & ((Unsigned{1} << update.step.shift) - 1);
      step = rounded<Number>(u, update.step, draw(Drawn::master));
    }
    const auto moved = static_cast<Number>(static_cast<Unsigned>(update.weights[element]) +
                                           static_cast<Unsigned>(step));
    const Number w = overflowed_in<Number>(moved, update.master.bits, update.master.overflow);
    update.weights[element] = static_cast<Word>(w);
    if constexpr (T::counts) {
      LayerCounts& counts = counts_[std::size_t{update.layer} * lanes_];
      counts.updates += u != 0;
      counts.lost += u != 0 && step == 0;
      counts.step += step;
      counts.product += p;
      count_value(*counts_of(update.layer, Tensor::master), moved,
                  Format{update.master.bits, 0, Round::floor, update.master.overflow, 32});
      if (network_.has_copies && u != 0)
        fitted<true, std::int64_t>(w, network_.copy, {}, counts_of(update.layer, Tensor::weight));
    }
  }

  /// What counts the values of a tensor; null where nothing is counted.
  __device__ __forceinline__ TensorDiagnostics* counts_of(std::uint32_t layer, Tensor tensor) {
    if constexpr (!T::counts) return nullptr;
    return &counts_[std::size_t{layer} * lanes_].tensor[static_cast<int>(tensor)];
  }

  const NetworkArguments& arguments_;
  const DeviceNetwork& network_;
  const LayerArithmetic* const arithmetic_;  // [layers]
  LayerSums* const sums_;                    // [layers][lanes], from this lane's on
  LayerCounts* counts_ = nullptr;            // the same
  Word* const stored_;                       // the weights in global memory
  Word* weights_;
  std::int64_t* const parts_;        // [lanes], in shared memory
  std::int64_t* vectors_ = nullptr;  // of the sample at hand
  std::uint32_t input_count_ = 0;    // of the sample at hand, the bias counted
  std::uint32_t right_ = 0;          // the steps of a word of right/wrong bits, in the first lane
  const std::uint32_t lane_, lanes_;
};

/// Trains networks for some steps, or judges them by held-out samples, a block each.
template <class T>
__global__ void __launch_bounds__(most_network_lanes) network_kernel(NetworkArguments arguments) {
  BlockTrainer<T> trainer(arguments);
  if (arguments.judges) {
    for (std::uint32_t i = 0; i < arguments.step_count; ++i) trainer.judge(i);
  } else {
    for (std::uint32_t i = 0; i < arguments.step_count; ++i) trainer.train(i);
    trainer.finish();
  }
}

inline constexpr std::uint32_t total_block_lanes = 128;

__device__ __forceinline__ void add_counts(LayerCounts& to, const LayerCounts& more) {
  for (std::size_t i = 0; i < tensor_count; ++i) {
    to.tensor[i].overflowed += more.tensor[i].overflowed;
    if (more.tensor[i].bits > to.tensor[i].bits) to.tensor[i].bits = more.tensor[i].bits;
  }
  to.updates += more.updates;
  to.lost += more.lost;
  to.inactive += more.inactive;
  to.last_inactive += more.last_inactive;  // one lane counts them
  to.step += more.step;
  to.product += more.product;
}

/// Adds up what the lanes of a block counted, and the digest of the weights; a block a network.
template <typename Word>
__global__ void __launch_bounds__(total_block_lanes)
    network_totals_kernel(NetworkArguments arguments) {
  const std::size_t first = std::size_t{blockIdx.x} * arguments.layers;
  for (std::size_t layer = first + threadIdx.x; layer < first + arguments.layers;
       layer += blockDim.x) {
    LayerSums sums;
    for (std::size_t lane = 0; lane < arguments.lanes; ++lane) {
      const LayerSums& of_lane = arguments.lane_sums[layer * arguments.lanes + lane];
      sums.abs_update += of_lane.abs_update;
      sums.dropped += of_lane.dropped;
    }
    arguments.sums[layer] = sums;
    if (arguments.counts == nullptr) continue;
    LayerCounts counts{};
    for (std::size_t lane = 0; lane < arguments.lanes; ++lane)
      add_counts(counts, arguments.lane_counts[layer * arguments.lanes + lane]);
    arguments.counts[layer] = counts;
  }

  const Word* const weights =
      static_cast<const Word*>(arguments.weights) + blockIdx.x * arguments.weights_stride;
  std::uint64_t digest = 0, place = 0;
  for (std::uint32_t layer = 0; layer < arguments.layers; ++layer) {
    const LayerPlace at = arguments.places[layer];
    const std::uint64_t count =
        std::uint64_t{at.inputs + arguments.networks[blockIdx.x].bias} * at.units;
    for (std::uint64_t i = threadIdx.x; i < count; i += blockDim.x)
      digest += weight_digest(weights[at.weights + i], place + i);
    place += count;
  }
  atomic_add(arguments.digests + blockIdx.x, digest);
}

}  // namespace gridrun::cuda
