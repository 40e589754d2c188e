// Device: trains networks as docs/arithmetic.md defines them (parts 5 and 7), a block each.
// Compiled by nvcc and, over the emulation, by the tests.
//
// Numbers are words of 64 bits that wrap. Where formats allow, weights are stored in shorter ones,
// factors have 32 bits, and so have updates. Formats are the same for all lanes of a block, so that
// what depends on them takes the same branch in all.
//
// A step of a layer: lanes multiply `width` units at once by their shares of the inputs that are
// not zero, some lanes add up the shares of a unit and activate it, and what is not zero goes into
// the next layer's list of inputs, or into a list of errors. Barriers of the block stand between.
#pragma once

#include "general/fitting.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// What a kernel is compiled for.
template <typename Word_, bool kSharedWeights, bool kSharedVectors, bool kPlain = false,
          bool kCounts = false>
struct NetworkTraining {
  using Word = Word_;
  static constexpr bool shared_weights = kSharedWeights;
  static constexpr bool shared_vectors = kSharedVectors;
  static constexpr bool plain = kPlain;  // network_plan.hpp
  static constexpr bool counts = kCounts;
  static constexpr int lanes = kPlain ? most_plain_lanes : most_network_lanes;  // at most
  /// What holds weights, inputs, activations and errors in products.
  using Value = std::conditional_t<sizeof(Word) == 8, std::int64_t, std::int32_t>;
};

template <class T>
class BlockTrainer {
 public:
  using Word = typename T::Word;
  using Value = typename T::Value;

  __device__ __forceinline__ explicit BlockTrainer(const NetworkArguments& arguments)
      : arguments_(arguments),
        number_(arguments.order[blockIdx.x]),
        network_(arguments.networks[number_]),
        arithmetic_(arguments.arithmetic + std::size_t{number_} * arguments.layers),
        sums_(arguments.lane_sums + std::size_t{number_} * arguments.layers * blockDim.x +
              threadIdx.x),
        stored_weights_(static_cast<Word*>(arguments.weights) +
                        std::size_t{number_} * arguments.weights_stride),
        batch_(static_cast<Value*>(arguments.stored) + network_.stored),
        parts_(static_cast<std::int64_t*>(dynamic_shared_memory())),
        counters_(reinterpret_cast<std::uint32_t*>(parts_ + arguments.shared.counters)),
        lane_(threadIdx.x),
        lanes_(blockDim.x) {
    if constexpr (T::counts)
      counts_ = arguments.lane_counts + std::size_t{number_} * arguments.layers * blockDim.x +
                threadIdx.x;
    if constexpr (T::shared_vectors)
      vectors_ = parts_ + arguments.shared.vectors;
    else
      vectors_ = arguments.global_vectors + std::size_t{number_} * arguments.vectors.words;
    if (arguments.shared_sums)
      for (std::uint32_t layer = 0; layer < arguments.layers; ++layer) lane_sums(layer) = {0, 0};
    if constexpr (T::shared_weights) {
      weights_ = reinterpret_cast<Word*>(parts_ + arguments.shared.weights);
      for (std::size_t i = lane_; i < arguments.weights_stride; i += lanes_)
        weights_[i] = stored_weights_[i];
    } else {
      weights_ = stored_weights_;
    }
    next_ = sample(0);
    after_next_ = sample(1);
    read_ahead();
    make_word_ahead();
  }

  /// The ith step of the launch.
  __device__ __forceinline__ void train(std::uint32_t i) {
    const std::uint32_t step = arguments_.first_step + i;
    forward(i);
    if constexpr (T::counts)
      for (std::uint32_t layer = lane_; layer < arguments_.layers; layer += lanes_)
        count_inactive(layer);
    for (std::uint32_t layer = arguments_.layers - 1; layer-- > 0;) hidden_errors(layer, step);
    if (in_steps()) {
      for (std::uint32_t layer = 0; layer < arguments_.layers; ++layer) update(layer, step);
    } else if ((step + 1) % network_.batch == 0) {
      for (std::uint32_t layer = 0; layer < arguments_.layers; ++layer)
        update_by_batch(layer, step / network_.batch);
    }
    __syncthreads();
  }

  /// The ith sample of the held-out pass.
  __device__ __forceinline__ void judge(std::uint32_t i) {
    forward(i);
    __syncthreads();
  }

  /// Stores the weights where the next launch finds them, and adds up the sums.
  __device__ __forceinline__ void finish() {
    if constexpr (T::shared_weights)
      for (std::size_t i = lane_; i < arguments_.weights_stride; i += lanes_)
        stored_weights_[i] = weights_[i];
    if (arguments_.shared_sums)
      for (std::uint32_t layer = 0; layer < arguments_.layers; ++layer)
        add_to_sums(layer, lane_sums(layer).abs_update, lane_sums(layer).dropped);
  }

 private:
  using ValueTerm = Term<Value>;

  /// Words of some neighbouring units, read at once.
  template <std::uint32_t kWidth>
  struct alignas(sizeof(Word) * kWidth) Words {
    Word of[kWidth];
  };
  static constexpr std::uint32_t most_width = sizeof(std::int64_t) / sizeof(Word);

  // Known of plain networks when this is compiled.
  /// Without batches.
  __device__ __forceinline__ bool in_steps() const { return T::plain || network_.batch == 1; }
  __device__ __forceinline__ bool has_copies() const { return !T::plain && network_.has_copies; }
  __device__ __forceinline__ bool rounds_weights_at_random() const {
    return !T::plain && network_.rounds_weights_at_random;
  }

  __device__ __forceinline__ const LayerPlace& place(std::uint32_t layer) const {
    return arguments_.places[layer];
  }
  __device__ __forceinline__ std::uint32_t row_length(const LayerPlace& place) const {
    return place.inputs + network_.bias;
  }
  __device__ __forceinline__ bool is_last(std::uint32_t layer) const {
    return layer + 1 == arguments_.layers;
  }

  // Lists of terms: a layer's inputs, and its errors.
  __device__ __forceinline__ ValueTerm* inputs(const LayerPlace& at) const {
    return reinterpret_cast<ValueTerm*>(vectors_ + at.terms);
  }
  __device__ __forceinline__ ValueTerm* errors(const LayerPlace& at) const {
    return reinterpret_cast<ValueTerm*>(vectors_ + at.errors);
  }
  __device__ __forceinline__ std::uint32_t* input_count(std::uint32_t layer) const {
    return counters_ + layer;
  }
  __device__ __forceinline__ std::uint32_t* error_count(std::uint32_t layer) const {
    return counters_ + arguments_.layers + layer;
  }

  __device__ __forceinline__ LaneSums& lane_sums(std::uint32_t layer) const {
    return reinterpret_cast<LaneSums*>(parts_ +
                                       arguments_.shared.sums)[std::size_t{layer} * lanes_ + lane_];
  }

  /// Adds one lane's term to a list where it is not zero. All lanes of a warp call it together.
  __device__ __forceinline__ void append(ValueTerm* list, std::uint32_t* count, std::uint64_t at,
                                         Value value) const {
    const unsigned terms = __ballot_sync(all_lanes, value != 0);
    if (terms == 0) return;
    const std::uint32_t lane = lane_ % warp_lanes;
    std::uint32_t first = 0;
    if (lane == 0) first = atomicAdd(count, static_cast<std::uint32_t>(__popc(terms)));
    first = __shfl_sync(all_lanes, first, 0);
    if (value != 0)
      list[first + static_cast<std::uint32_t>(__popc(terms & ((1U << lane) - 1)))] = {
          static_cast<std::make_unsigned_t<Value>>(at), value};
  }

  // Samples. While one is trained the next are read, so that nobody waits for global memory: where
  // a sample's inputs are, a step before each lane's first input as it is stored, and then its
  // word.

  struct Sample {
    std::uint32_t begin, end, label;
  };

  /// Where the ith sample of the launch is; the last one after it.
  __device__ __forceinline__ Sample sample(std::uint32_t i) const {
    const std::uint32_t known = min_of(i, arguments_.step_count - 1);
    const StepInputs& steps = arguments_.steps;
    const std::uint32_t begin = known * place(0).inputs;
    return {begin, begin + steps.counts[known], steps.labels[known]};
  }

  __device__ __forceinline__ bool has_input_ahead() const {
    return next_.begin + lane_ < next_.end;
  }

  __device__ __forceinline__ void read_ahead() {
    if (!has_input_ahead()) return;
    const std::uint32_t at = next_.begin + lane_;
    index_ahead_ = arguments_.steps.index[at];
    if (arguments_.steps.bytes != nullptr)
      byte_ahead_ = arguments_.steps.bytes[at];
    else
      real_ahead_ = arguments_.steps.reals[at];
  }

  __device__ __forceinline__ void make_word_ahead() {
    if (has_input_ahead()) word_ahead_ = word_of(byte_ahead_, real_ahead_);
  }

  /// The word of an input as it is stored: a byte, or else a real.
  __device__ __forceinline__ Value word_of(std::uint8_t byte, double real) const {
    if (arguments_.steps.bytes != nullptr)
      return static_cast<Value>(
          arguments_.byte_words[std::size_t{network_.byte_words} * 256 + byte]);
    return static_cast<Value>(overflowed(quantise(real, network_.input_fraction),
                                         network_.input.bits, network_.input.overflow));
  }

  /// Lists the next sample's inputs, and begins all other lists. `batch`: where they are stored.
  __device__ __forceinline__ void take_inputs(Value* batch) {
    const LayerPlace& at = place(0);
    const std::uint32_t units = at.units, count = next_.end - next_.begin;
    ValueTerm* const list = inputs(at);
    if (batch != nullptr) {
      for (std::uint32_t k = lane_; k < at.inputs; k += lanes_) batch[at.stored_inputs + k] = 0;
      __syncthreads();
    }
    const auto put = [&](std::uint32_t i, std::uint32_t index, Value x) {
      list[i] = {static_cast<std::make_unsigned_t<Value>>(std::uint64_t{index} * units), x};
      if (batch != nullptr) batch[at.stored_inputs + index] = x;
    };
    if (has_input_ahead()) put(lane_, index_ahead_, word_ahead_);
    const StepInputs& steps = arguments_.steps;
    for (std::uint32_t i = lane_ + lanes_; i < count; i += lanes_) {
      const std::uint32_t from = next_.begin + i;
      put(i, steps.index[from],
          steps.bytes != nullptr ? word_of(steps.bytes[from], 0) : word_of(0, steps.reals[from]));
    }
    for (std::uint32_t i = lane_; i < 2 * arguments_.layers; i += lanes_) counters_[i] = 0;
    if (lane_ == 0) {
      if (network_.bias) put(count, at.inputs, static_cast<Value>(arithmetic_[0].one));
      *input_count(0) = count + network_.bias;
    }
  }

  // Forward: paragraph 5.3.

  /// Reads a sample, passes it through all layers and notes whether the network was right; finds
  /// the errors of the last layer where it is trained.
  __device__ __forceinline__ void forward(std::uint32_t i) {
    const std::uint32_t step = arguments_.first_step + i, label = next_.label;
    Value* const batch =
        in_steps() || arguments_.judges
            ? nullptr
            : batch_ + std::size_t{step % network_.batch} * arguments_.vectors.stored;
    take_inputs(batch);
    __syncthreads();
    next_ = after_next_;
    after_next_ = sample(i + 2);
    read_ahead();
    for (std::uint32_t layer = 0; layer < arguments_.layers; ++layer) {
      const LayerPlace& at = place(layer);
      if (has_copies())
        forward<true>(layer, at, step, label, batch);
      else
        forward<false>(layer, at, step, label, batch);
    }
    make_word_ahead();
    if (lane_ >= lanes_ - warp_lanes) note_right(step, i, arg_max() == label);
  }

  template <bool kCopies>
  __device__ __forceinline__ void forward(std::uint32_t layer, const LayerPlace& at,
                                          std::uint32_t step, std::uint32_t label, Value* batch) {
    if (lane_ == 0 && network_.bias && !is_last(layer)) {
      const LayerPlace& next = place(layer + 1);
      const auto one = static_cast<Value>(arithmetic_[layer + 1].one);
      inputs(next)[atomicAdd(input_count(layer + 1), 1U)] = {
          static_cast<std::make_unsigned_t<Value>>(std::uint64_t{next.inputs} * next.units), one};
      if (batch != nullptr) batch[next.stored_inputs + next.inputs] = one;
    }
    if (at.by_warps) {
      multiply_by_warps<kCopies>(layer, at, step, label, batch);
      __syncthreads();
      return;
    }
    for (std::uint32_t first = 0; first < at.units; first += at.tile) {
      const std::uint32_t units = min_of(at.tile, at.units - first);
      if (at.width == most_width)
        multiply<kCopies, most_width>(layer, at, first, units);
      else
        multiply<kCopies, 1>(layer, at, first, units);
      __syncthreads();
      activate(layer, at, first, units, step, label, batch);
      __syncthreads();
    }
  }

  static __device__ __forceinline__ std::uint32_t min_of(std::uint32_t a, std::uint32_t b) {
    return a < b ? a : b;
  }

  /// A weight as products use it.
  template <bool kCopies>
  __device__ __forceinline__ Value product_weight(Word w) const {
    if constexpr (!kCopies) return w;
    const Fitting& copy = network_.copy;
    if (copy.shift <= 0)
      return static_cast<Value>(overflowed_left_shift(w, -copy.shift, copy.bits, copy.overflow));
    return static_cast<Value>(overflowed<std::int64_t>(
        rounded_shift<std::int64_t>(w, copy.shift, copy.rounding, 0), copy));
  }

  /// Terms that a lane reads at once, so that it waits for memory once for all.
  static constexpr std::uint32_t together = 4;

  /// The ith term of a list, or beyond its end one that is 0, of the first weight.
  static __device__ __forceinline__ ValueTerm term(const ValueTerm* list, std::uint32_t i,
                                                   std::uint32_t count) {
    return i < count ? list[i] : ValueTerm{0, 0};
  }

  /// The sum of the products of terms `first`, first + stride, ... of a list with the weights that
  /// they are at.
  template <bool kCopies>
  __device__ __forceinline__ std::int64_t product_sum(const ValueTerm* list, std::uint32_t count,
                                                      const Word* weights, std::uint32_t first,
                                                      std::uint32_t stride) const {
    std::int64_t sum = 0;
    for (std::uint32_t i = first; i < count; i += together * stride) {
      ValueTerm terms[together];
      Word w[together];
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t) terms[t] = term(list, i + t * stride, count);
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t) w[t] = weights[terms[t].at];
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        sum = wrapping_add(sum, product(product_weight<kCopies>(w[t]), terms[t].value));
    }
    return sum;
  }

  /// Puts each lane's share of the sums of `kWidth` units into parts_ [share][units].
  template <bool kCopies, std::uint32_t kWidth>
  __device__ __forceinline__ void multiply(std::uint32_t layer, const LayerPlace& at,
                                           std::uint32_t first, std::uint32_t units) const {
    const std::uint32_t share = divided(lane_, at.inverse);
    const std::uint32_t unit = (lane_ - share * (at.tile / kWidth)) * kWidth;
    if (share >= at.shares || unit >= units) return;
    const ValueTerm* const list = inputs(at);
    const std::uint32_t count = *input_count(layer);
    const Word* const weights = weights_ + at.weights + first + unit;
    std::int64_t sum[kWidth] = {};
    for (std::uint32_t first_term = share; first_term < count; first_term += together * at.shares) {
      ValueTerm input[together];
      Words<kWidth> row[together];
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        input[t] = term(list, first_term + t * at.shares, count);
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        row[t] = *reinterpret_cast<const Words<kWidth>*>(weights + input[t].at);
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
#pragma unroll
        for (std::uint32_t n = 0; n < kWidth; ++n)
          sum[n] =
              wrapping_add(sum[n], product(product_weight<kCopies>(row[t].of[n]), input[t].value));
    }
#pragma unroll
    for (std::uint32_t n = 0; n < kWidth; ++n) parts_[share * at.tile + unit + n] = sum[n];
  }

  /// The same for few units: a warp a unit, without parts.
  template <bool kCopies>
  __device__ __forceinline__ void multiply_by_warps(std::uint32_t layer, const LayerPlace& at,
                                                    std::uint32_t step, std::uint32_t label,
                                                    Value* batch) {
    const ValueTerm* const list = inputs(at);
    const std::uint32_t count = *input_count(layer), lane = lane_ % warp_lanes;
    for (std::uint32_t j = lane_ / warp_lanes; j < at.units; j += lanes_ / warp_lanes) {
      const Word* const weights = weights_ + at.weights + j;
      const std::int64_t sum = product_sum<kCopies>(list, count, weights, lane, warp_lanes);
      std::uint64_t parts[1] = {static_cast<std::uint64_t>(sum)};
      const std::int64_t z = own_sum<warp_lanes, 1, false>(parts, static_cast<int>(lane));
      take_sum(layer, at, j, z, lane == 0, step, label, batch);
    }
  }

  /// Adds up the shares of each unit.
  __device__ __forceinline__ void activate(std::uint32_t layer, const LayerPlace& at,
                                           std::uint32_t first, std::uint32_t units,
                                           std::uint32_t step, std::uint32_t label, Value* batch) {
    const std::uint32_t unit_lanes = 1U << at.unit_lanes_log2, part = lane_ & (unit_lanes - 1);
    const std::uint32_t at_once = lanes_ >> at.unit_lanes_log2;
    for (std::uint32_t begin = 0; begin < units; begin += at_once) {
      const std::uint32_t of_tile = begin + (lane_ >> at.unit_lanes_log2);
      const bool is_used = of_tile < units;
      if (__ballot_sync(all_lanes, is_used) == 0) break;
      std::int64_t z = 0;
      if (is_used)
        for (std::uint32_t first_share = part; first_share < at.shares;
             first_share += together * unit_lanes) {
          std::int64_t parts[together];
#pragma unroll
          for (std::uint32_t t = 0; t < together; ++t) {
            const std::uint32_t share = first_share + t * unit_lanes;
            parts[t] = share < at.shares ? parts_[share * at.tile + of_tile] : 0;
          }
#pragma unroll
          for (std::uint32_t t = 0; t < together; ++t) z = wrapping_add(z, parts[t]);
        }
      for (std::uint32_t other = 1; other < unit_lanes; other *= 2)
        z = wrapping_add(z, __shfl_xor_sync(all_lanes, z, static_cast<int>(other)));
      take_sum(layer, at, first + of_tile, z, is_used && part == 0, step, label, batch);
    }
  }

  /// Activates unit j, whose sum a warp's own lanes have, and lists what the next layer or the way
  /// back needs of it. All lanes of a warp call it together.
  __device__ __forceinline__ void take_sum(std::uint32_t layer, const LayerPlace& at,
                                           std::uint32_t j, std::int64_t z, bool is_own,
                                           std::uint32_t step, std::uint32_t label, Value* batch) {
    Value a = 0;
    if (is_own) a = activation(layer, at, j, z, step);
    if (!is_last(layer)) {
      const LayerPlace& next = place(layer + 1);
      append(inputs(next), input_count(layer + 1), std::uint64_t{j} * next.units, a);
      if (batch != nullptr && is_own) batch[next.stored_inputs + j] = a;
    } else if (!arguments_.judges) {
      Value d = 0;
      if (is_own && passes(layer, at, j)) {
        const std::int64_t target = j == label ? network_.target : 0;
        d = error(layer, at, j, wrapping_subtract(target, vectors_[at.activations + j]), step);
      }
      append(errors(at), error_count(layer), j, d);
      if (batch != nullptr && is_own) batch[at.stored_errors + j] = d;
    }
  }

  __device__ __forceinline__ std::int64_t accumulated(std::uint32_t layer, std::int64_t sum) {
    const Fitting& into = network_.accumulator;
    if constexpr (T::counts)
      count_value(*counts_of(layer, Tensor::accumulator), sum,
                  Format{into.bits, 0, Round::floor, into.overflow, 32});
    return overflowed<std::int64_t>(sum, into);
  }

  /// Activates unit j.
  __device__ __forceinline__ Value activation(std::uint32_t layer, const LayerPlace& at,
                                              std::uint32_t j, std::int64_t sum,
                                              std::uint32_t step) {
    const LayerArithmetic& arithmetic = arithmetic_[layer];
    std::int64_t z = accumulated(layer, sum);
    vectors_[at.sums + j] = z;
    if (arithmetic.kind == Activation::relu && z < 0) z = 0;
    const bool leaks = arithmetic.kind == Activation::leaky_relu && z <= 0;
    const std::int64_t a = fitted<T::counts, !T::plain>(
        z, leaks ? arithmetic.leaking_activation : arithmetic.activation,
        {network_.rounding_seed, Drawn::activation, layer, step, j, arguments_.judges},
        counts_of(layer, Tensor::activation));
    vectors_[at.activations + j] = a;
    return static_cast<Value>(a);
  }

  /// The first output that is largest as binary64, which holds words of 32 bits as they are; for
  /// the lanes of the last warp.
  __device__ __forceinline__ std::uint32_t arg_max() const {
    using Number = std::conditional_t<sizeof(Value) == 4, std::int32_t, double>;
    const LayerPlace& at = place(arguments_.layers - 1);
    std::uint32_t best = at.units;
    Number largest = 0;
    const auto look_at = [&](std::uint32_t j, Number a) {
      if (best == at.units || a > largest || (a == largest && j < best)) {
        largest = a;
        best = j;
      }
    };
    for (std::uint32_t j = lane_ % warp_lanes; j < at.units; j += warp_lanes)
      look_at(j, static_cast<Number>(vectors_[at.activations + j]));
    for (int step = 1; step < warp_lanes; step *= 2) {
      const Number a = __shfl_xor_sync(all_lanes, largest, step);
      const std::uint32_t j = __shfl_xor_sync(all_lanes, best, step);
      if (j != at.units) look_at(j, a);
    }
    return best;
  }

  /// Notes whether a step was right; for the lanes of the last warp.
  __device__ __forceinline__ void note_right(std::uint32_t step, std::uint32_t i, bool is_right) {
    if (lane_ != lanes_ - warp_lanes) return;
    std::uint32_t& word =
        arguments_.right[std::size_t{number_} * arguments_.right_stride + step / 32];
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
    const LayerPlace& at = place(layer);
    bool any = false;
    for (std::uint32_t j = 0; j < at.units && !any; ++j)
      any = is_active(arithmetic_[layer].kind, at, j);
    LayerCounts& counts = counts_[std::size_t{layer} * lanes_];
    counts.inactive += !any;
    counts.last_inactive = any ? 0 : counts.last_inactive + 1;
  }

  // Back: paragraph 5.5.

  /// Whether a unit may have an error.
  __device__ __forceinline__ bool passes(std::uint32_t layer, const LayerPlace& at,
                                         std::uint32_t j) const {
    return arithmetic_[layer].kind != Activation::relu || vectors_[at.activations + j] > 0;
  }

  /// The error of unit j.
  __device__ __forceinline__ Value error(std::uint32_t layer, const LayerPlace& at, std::uint32_t j,
                                         std::int64_t e, std::uint32_t step) {
    const LayerArithmetic& arithmetic = arithmetic_[layer];
    const bool leaks = arithmetic.kind == Activation::leaky_relu && vectors_[at.sums + j] <= 0;
    return static_cast<Value>(fitted<T::counts, !T::plain>(
        e, leaks ? arithmetic.leaking_error : arithmetic.error,
        {network_.rounding_seed, Drawn::error, layer, step, j}, counts_of(layer, Tensor::error)));
  }

  /// Some lanes add up the products of a row of the layer above with the errors there.
  __device__ __forceinline__ void hidden_errors(std::uint32_t layer, std::uint32_t step) {
    const LayerPlace& at = place(layer);
    const LayerPlace& above = place(layer + 1);
    const ValueTerm* const list = errors(above);
    const std::uint32_t count = *error_count(layer + 1);
    Value* const batch =
        in_steps() ? nullptr
                   : batch_ + std::size_t{step % network_.batch} * arguments_.vectors.stored;
    // A team adds up a row. In global memory a row's neighbouring units are read together; in
    // shared memory any are.
    int team_log2 = 0;
    while ((1U << team_log2) < count && team_log2 < 5 &&
           (!T::shared_weights || (at.units << (team_log2 + 1)) <= lanes_))
      ++team_log2;
    const std::uint32_t team = 1U << team_log2, in_team = lane_ & (team - 1);
    for (std::uint32_t first = 0; first < at.units; first += lanes_ >> team_log2) {
      const std::uint32_t k = first + (lane_ >> team_log2);
      const bool sums = k < at.units && passes(layer, at, k);
      if (batch == nullptr && __ballot_sync(all_lanes, sums) == 0) continue;
      std::int64_t e = 0;
      if (sums) {
        const Word* const row = weights_ + above.weights + std::size_t{k} * above.units;
        e = has_copies() ? product_sum<true>(list, count, row, in_team, team)
                         : product_sum<false>(list, count, row, in_team, team);
      }
      for (std::uint32_t other = 1; other < team; other *= 2)
        e = wrapping_add(e, __shfl_xor_sync(all_lanes, e, static_cast<int>(other)));
      Value d = 0;
      const bool is_own = in_team == 0;
      if (sums && is_own) d = error(layer, at, k, accumulated(layer, e), step);
      append(errors(at), error_count(layer), k, d);
      if (batch != nullptr && is_own && k < at.units) batch[at.stored_errors + k] = d;
    }
    __syncthreads();
  }

  // Updates: paragraph 5.6.

  /// What updates of a lane add up to in a step.
  template <typename Number>
  struct UpdateSums {
    using Sum = std::conditional_t<sizeof(Number) == 4, std::uint64_t, WideSum>;
    Sum abs_update = 0, dropped = 0;
  };

  /// What an update of a layer needs, where no store can reach it.
  struct Update {
    const Fitting gradient, step, master;
    const std::uint32_t layer, batch, seed;
    Word* const weights;
  };

  __device__ __forceinline__ Update update_of(std::uint32_t layer, const LayerPlace& at,
                                              std::uint32_t batch) const {
    return {arithmetic_[layer].gradient, network_.step,        network_.master, layer, batch,
            network_.rounding_seed,      weights_ + at.weights};
  }

  __device__ __forceinline__ void add_to_sums(std::uint32_t layer, WideSum abs_update,
                                              WideSum dropped) const {
    LayerSums& all = sums_[std::size_t{layer} * lanes_];
    if (abs_update != 0) all.abs_update += abs_update;
    if (dropped != 0) all.dropped += dropped;
  }

  /// The update of a step without batches.
  __device__ __forceinline__ void update(std::uint32_t layer, std::uint32_t step) {
    const LayerPlace& at = place(layer);
    const std::uint32_t errors_there = *error_count(layer);
    if (errors_there == 0) return;
    if constexpr (sizeof(Value) == 4 && !T::counts) {
      if (T::plain || arithmetic_[layer].updates_in_32_bits) {
        UpdateSums<std::int32_t> sums;
        if (rounds_weights_at_random())
          update_units(layer, update_of(layer, at, step), at, errors_there, sums);
        else
          update_narrowly(layer, at, errors_there, sums);
        if (arguments_.shared_sums) {
          LaneSums& all = lane_sums(layer);
          all = {all.abs_update + sums.abs_update, all.dropped + sums.dropped};
        } else {
          add_to_sums(layer, sums.abs_update, sums.dropped);
        }
        return;
      }
    }
    if constexpr (!T::plain) {
      UpdateSums<std::int64_t> sums;
      update_units(layer, update_of(layer, at, step), at, errors_there, sums);
      add_to_sums(layer, sums.abs_update, sums.dropped);
    }
  }

  /// Updates the weights of all units that have errors; several lanes share the inputs of a unit.
  template <class AnyUpdate, typename Number>
  __device__ __forceinline__ void update_units(std::uint32_t layer, const AnyUpdate& update,
                                               const LayerPlace& at, std::uint32_t errors_there,
                                               UpdateSums<Number>& sums) {
    const std::uint32_t inputs_there = *input_count(layer);
    const ValueTerm* const all = errors(at);
    if (errors_there > lanes_) {
      for (std::uint32_t i = lane_; i < errors_there; i += lanes_)
        update_unit(update, all[i], inputs(at), inputs_there, 0, 1, sums);
      return;
    }
    // Where there is little to do the last lanes do it, and the others go on to the next layer.
    const std::uint32_t busy = lanes_for(std::uint64_t{errors_there} * inputs_there, errors_there);
    if (lane_ < lanes_ - busy) return;
    const std::uint32_t own = lane_ - (lanes_ - busy), inverse = division_inverse(errors_there);
    const std::uint32_t shares = divided(busy, inverse), share = divided(own, inverse);
    if (share < shares)
      update_unit(update, all[own - share * errors_there], inputs(at), inputs_there, share, shares,
                  sums);
  }

  /// Whole warps for so many weights, at least one lane a unit.
  __device__ __forceinline__ std::uint32_t lanes_for(std::uint64_t weights,
                                                     std::uint32_t units) const {
    const std::uint64_t busy = weights / together > units ? weights / together : units;
    if (busy >= lanes_) return lanes_;
    return (static_cast<std::uint32_t>(busy) + warp_lanes - 1) / warp_lanes * warp_lanes;
  }

  /// Updates a unit's weights of inputs `first`, first + stride, ...
  template <typename Number>
  __device__ __forceinline__ void update_unit(const Update& update, ValueTerm unit,
                                              const ValueTerm* list, std::uint32_t count,
                                              std::uint32_t first, std::uint32_t stride,
                                              UpdateSums<Number>& sums) {
    for (std::uint32_t i = first; i < count; i += stride)
      update_weight(update, std::uint64_t{list[i].at} + unit.at,
                    static_cast<Number>(product(unit.value, list[i].value)), sums);
  }

  /// Updates a weight by P. In 32 bits everything fits, and all shifts are to the right.
  template <typename Number>
  __device__ __forceinline__ void update_weight(const Update& update, std::uint64_t element,
                                                Number p, UpdateSums<Number>& sums) {
    if (p == 0) return;  // u = 0 and step = 0, in every rounding
    const auto draw = [&](Drawn tensor) -> ElementDraw {
      return {update.seed, tensor, update.layer, update.batch, element};
    };
    const Number u = fitted<T::counts, true, Number>(p, update.gradient, draw(Drawn::gradient),
                                                     counts_of(update.layer, Tensor::gradient));
    using Unsigned = std::make_unsigned_t<Number>;
    sums.abs_update += u < 0 ? Unsigned{0} - static_cast<Unsigned>(u) : static_cast<Unsigned>(u);
    Number step;
    if (sizeof(Number) == sizeof(std::int64_t) && update.step.shift <= 0) {
      step = static_cast<Number>(left_shift(u, -update.step.shift));
    } else {
      sums.dropped += static_cast<Unsigned>(u) & ((Unsigned{1} << update.step.shift) - 1);
      step = rounded<true, Number>(u, update.step, draw(Drawn::master));
    }
    const auto moved = static_cast<Number>(static_cast<Unsigned>(update.weights[element]) +
                                           static_cast<Unsigned>(step));
    const Number w = overflowed<Number>(moved, update.master);
    update.weights[element] = static_cast<Word>(w);
    if constexpr (T::counts) {
      LayerCounts& counts = counts_[std::size_t{update.layer} * lanes_];
      counts.updates += u != 0;
      counts.lost += u != 0 && step == 0;
      counts.step += step;
      counts.product += p;
      count_value(*counts_of(update.layer, Tensor::master), moved,
                  Format{update.master.bits, 0, Round::floor, update.master.overflow, 32});
      if (has_copies() && u != 0)
        fitted<true, true, std::int64_t>(w, network_.copy, {},
                                         counts_of(update.layer, Tensor::weight));
    }
  }

  /// An update in 32 bits without random numbers and branches. `kBelow` and `kWraps`: with what of
  /// NarrowFitting, which otherwise does nothing.
  template <bool kBelow, bool kWraps>
  struct NarrowUpdate {
    const NarrowArithmetic arithmetic;
    Word* const weights;

    /// The weight that an update by P leaves.
    __device__ __forceinline__ Word operator()(Word w, std::int32_t p, std::uint32_t& abs_update,
                                               std::uint32_t& dropped) const {
      const NarrowFitting& gradient = arithmetic.gradient;
      const NarrowFitting& master = arithmetic.master;
      const std::int32_t u =
          gradient.template overflowed<kWraps>(gradient.template rounded<kBelow>(p));
      abs_update += static_cast<std::uint32_t>(u < 0 ? -u : u);
      dropped += static_cast<std::uint32_t>(u) & ((1U << master.shift) - 1);
      return static_cast<Word>(
          master.template overflowed<kWraps>(w + master.template rounded<kBelow>(u)));
    }
  };

  /// Updates a layer in 32 bits, without random numbers; plain networks without what they do not
  /// need.
  __device__ __forceinline__ void update_narrowly(std::uint32_t layer, const LayerPlace& at,
                                                  std::uint32_t errors_there,
                                                  UpdateSums<std::int32_t>& sums) {
    const NarrowArithmetic& narrow = arithmetic_[layer].narrow;
    Word* const weights = weights_ + at.weights;
    const bool below = !T::plain || narrow.below, wraps = !T::plain || narrow.wraps;
    if (below && wraps)
      update_units(layer, NarrowUpdate<true, true>{narrow, weights}, at, errors_there, sums);
    else if (below)
      update_units(layer, NarrowUpdate<true, false>{narrow, weights}, at, errors_there, sums);
    else if (wraps)
      update_units(layer, NarrowUpdate<false, true>{narrow, weights}, at, errors_there, sums);
    else
      update_units(layer, NarrowUpdate<false, false>{narrow, weights}, at, errors_there, sums);
  }

  /// The same, with the weights of some inputs loaded before any is stored. What they add up to
  /// fits 32 bits.
  template <bool kBelow, bool kWraps>
  __device__ __forceinline__ void update_unit(const NarrowUpdate<kBelow, kWraps>& update,
                                              ValueTerm unit, const ValueTerm* list,
                                              std::uint32_t count, std::uint32_t first,
                                              std::uint32_t stride,
                                              UpdateSums<std::int32_t>& sums) {
    Word* const weights = update.weights + unit.at;
    for (std::uint32_t i = first; i < count; i += together * stride) {
      ValueTerm input[together];
      Word w[together];
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t) input[t] = term(list, i + t * stride, count);
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)  // others may be storing what is not this lane's
        w[t] = i + t * stride < count ? weights[input[t].at] : Word{0};
      std::uint32_t abs_update = 0, dropped = 0;
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        w[t] = update(w[t], unit.value * input[t].value, abs_update, dropped);
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        if (i + t * stride < count) weights[input[t].at] = w[t];
      sums.abs_update += abs_update;
      sums.dropped += dropped;
    }
  }

  /// The update of a batch, by the values that its samples stored.
  __device__ __forceinline__ void update_by_batch(std::uint32_t layer, std::uint32_t batch) {
    const LayerPlace& at = place(layer);
    UpdateSums<std::int64_t> sums;
    if (at.width == most_width)
      update_by_batch<most_width>(layer, batch, at, sums);
    else
      update_by_batch<1>(layer, batch, at, sums);
    add_to_sums(layer, sums.abs_update, sums.dropped);
  }

  /// Values of neighbouring units or inputs, read at once.
  template <std::uint32_t kCount>
  struct alignas(sizeof(Value) * kCount) Values {
    Value of[kCount];
  };
  static constexpr std::uint32_t rows = stored_together;  // inputs that a lane updates at once
  static constexpr std::uint32_t read_together = 16 / sizeof(Value);

  /// A lane adds up the products of some rows and units over all samples.
  template <std::uint32_t kWidth>
  __device__ __forceinline__ void update_by_batch(std::uint32_t layer, std::uint32_t batch,
                                                  const LayerPlace& at,
                                                  UpdateSums<std::int64_t>& sums) {
    const std::uint32_t groups = at.units / kWidth, row_count = row_length(at);
    const std::size_t stride = arguments_.vectors.stored;
    const std::uint32_t items = (row_count + rows - 1) / rows * groups;
    for (std::uint32_t item = lane_; item < items; item += lanes_) {
      const std::uint32_t k = item / groups * rows, j = item % groups * kWidth;
      const Value* x = batch_ + at.stored_inputs + k;
      const Value* d = batch_ + at.stored_errors + j;
      std::int64_t p[rows][kWidth] = {};
#pragma unroll 2
      for (std::uint32_t sample = 0; sample < network_.batch; ++sample) {
        Values<read_together> inputs[rows / read_together];
#pragma unroll
        for (std::uint32_t r = 0; r < rows / read_together; ++r)
          inputs[r] = reinterpret_cast<const Values<read_together>*>(x)[r];
        const auto errors = *reinterpret_cast<const Values<kWidth>*>(d);
#pragma unroll
        for (std::uint32_t r = 0; r < rows; ++r)
#pragma unroll
          for (std::uint32_t n = 0; n < kWidth; ++n)
            p[r][n] = wrapping_add(
                p[r][n], product(errors.of[n], inputs[r / read_together].of[r % read_together]));
        x += stride;
        d += stride;
      }
      const Update update = update_of(layer, at, batch);  // now that registers are free
      std::int64_t* const own = parts_ + lane_;           // one update of code for all weights
#pragma unroll 1
      for (std::uint32_t r = 0; r < rows && k + r < row_count; ++r) {
#pragma unroll
        for (std::uint32_t of = 0; of < rows; ++of)
#pragma unroll
          for (std::uint32_t n = 0; n < kWidth; ++n)
            if (of == r) own[n * lanes_] = p[of][n];
#pragma unroll 1
        for (std::uint32_t n = 0; n < kWidth; ++n)
          update_weight(update, std::uint64_t{k + r} * at.units + j + n, own[n * lanes_], sums);
      }
    }
  }

  /// What counts the values of a tensor; null where nothing is counted.
  __device__ __forceinline__ TensorDiagnostics* counts_of(std::uint32_t layer, Tensor tensor) {
    if constexpr (!T::counts) return nullptr;
    return &counts_[std::size_t{layer} * lanes_].tensor[static_cast<int>(tensor)];
  }

  const NetworkArguments& arguments_;
  const std::uint32_t number_;  // of the network, in the batch
  const DeviceNetwork& network_;
  const LayerArithmetic* const arithmetic_;  // [layers]
  LayerSums* const sums_;                    // [layers][lanes], from this lane's on
  LayerCounts* counts_ = nullptr;            // the same
  Word* const stored_weights_;               // in global memory
  Word* weights_;                            //
  Value* const batch_;                       // [samples of a batch][vectors.stored]
  std::int64_t* const parts_;                // shared memory; at first the parts of sums
  std::uint32_t* const counters_;            // of terms
  std::int64_t* vectors_;                    // of the sample at hand
  Sample next_, after_next_;
  std::uint32_t index_ahead_ = 0;  // of this lane's first input of the next sample
  std::uint8_t byte_ahead_ = 0;
  double real_ahead_ = 0;
  Value word_ahead_ = 0;
  std::uint32_t right_ = 0;  // the steps of a word of right/wrong bits, in one lane
  const std::uint32_t lane_, lanes_;
};

/// Trains networks for some steps, or judges them by held-out samples, a block each.
template <class T>
__global__ void __launch_bounds__(T::lanes) network_kernel(NetworkArguments arguments) {
  const std::int64_t begin = clock64();
  BlockTrainer<T> trainer(arguments);
  if (arguments.judges) {
    for (std::uint32_t i = 0; i < arguments.step_count; ++i) trainer.judge(i);
  } else {
    for (std::uint32_t i = 0; i < arguments.step_count; ++i) trainer.train(i);
    trainer.finish();
  }
  if (threadIdx.x == 0)
    arguments.cycles[arguments.order[blockIdx.x]] = static_cast<std::uint64_t>(clock64() - begin);
}

}  // namespace gridrun::cuda
