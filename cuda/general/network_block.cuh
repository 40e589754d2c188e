// Device: a network as the lanes of its block see it, and what the kernel that trains it is
// compiled for.
//
// Numbers are words of 64 bits that wrap. Where formats allow, weights are stored in shorter ones,
// factors have 32 bits, and so have updates. Formats are the same for all lanes of a block, so that
// what depends on them takes the same branch in all.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"

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
  /// Of a multiprocessor. Where none are asked for, the compiler may want two, and spill registers.
  static constexpr int least_blocks = kPlain ? 0 : 1;
  /// What holds weights, inputs, activations and errors in products.
  using Value = std::conditional_t<sizeof(Word) == 8, std::int64_t, std::int32_t>;
  /// Whether any layers' weights may be updated by update_fours().
  static constexpr bool has_fours = !kPlain && !kCounts && sizeof(Value) == 4;
  /// An input or an error in a list.
  using ValueTerm = Term<Value>;
  /// Units that a lane multiplies at once, at most.
  static constexpr std::uint32_t most_width = sizeof(std::int64_t) / sizeof(Word);
};

/// What a network is, as its lanes read it in every step.
struct NetworkTables {
  const DeviceNetwork* network;
  const LayerArithmetic* arithmetic;  // [layers]
  const LayerPlace* places;           // [layers]
};

/// A table of `count` entries in shared memory, of which each lane has copied some.
template <typename Entry>
__device__ __forceinline__ const Entry* copied_table(const Entry* from, std::uint32_t count,
                                                     std::int64_t*& to) {
  constexpr std::uint32_t words = sizeof(Entry) / sizeof(std::int64_t);
  std::int64_t* const table = to;
  for (std::uint32_t i = threadIdx.x; i < count * words; i += blockDim.x)
    table[i] = reinterpret_cast<const std::int64_t*>(from)[i];
  to += count * words;
  return reinterpret_cast<const Entry*>(table);
}

/// The tables of a network: copies in shared memory, where its vectors are there too, after a
/// barrier of the block.
template <class T>
__device__ __forceinline__ NetworkTables tables_of(const NetworkArguments& launch,
                                                   std::uint32_t number) {
  const NetworkTables stored{launch.networks + number,
                             launch.arithmetic + std::size_t{number} * launch.layers,
                             launch.places};
  if constexpr (T::shared_vectors) {
    auto* to = static_cast<std::int64_t*>(dynamic_shared_memory()) + launch.shared.tables;
    NetworkTables copied{};
    copied.network = copied_table(stored.network, 1, to);
    copied.arithmetic = copied_table(stored.arithmetic, launch.layers, to);
    copied.places = copied_table(stored.places, launch.layers, to);
    __syncthreads();
    return copied;
  } else {
    return stored;
  }
}

/// Where the parts of a block's network are, and which lane this is. What works on it takes it as
/// an argument and keeps no reference to it: the compiler would keep it in memory rather than in
/// registers.
template <class T>
struct NetworkBlock {
  using Word = typename T::Word;
  using Value = typename T::Value;
  using ValueTerm = typename T::ValueTerm;

  /// Loads the weights where they are in shared memory; barriers of the block have to follow.
  __device__ __forceinline__ explicit NetworkBlock(const NetworkArguments& launch)
      : arguments(launch),
        number(launch.order[blockIdx.x]),
        tables(tables_of<T>(launch, number)),
        network(*tables.network),
        arithmetic(tables.arithmetic),
        sums(launch.lane_sums + std::size_t{number} * launch.layers * blockDim.x + threadIdx.x),
        stored_weights(static_cast<Word*>(launch.weights) +
                       std::size_t{number} * launch.weights_stride),
        parts(static_cast<std::int64_t*>(dynamic_shared_memory())),
        counters(reinterpret_cast<std::uint32_t*>(parts + launch.shared.counters)),
        lane(threadIdx.x),
        lanes(blockDim.x) {
    if constexpr (T::counts)
      counts = launch.lane_counts + std::size_t{number} * launch.layers * blockDim.x + threadIdx.x;
    if constexpr (T::shared_vectors)
      vectors = parts + launch.shared.vectors;
    else
      vectors = launch.global_vectors + std::size_t{number} * launch.vector_words;
    if (launch.shared_sums)
      for (std::uint32_t layer = 0; layer < launch.layers; ++layer) lane_sums(layer) = {0, 0};
    if constexpr (T::shared_weights) {
      weights = reinterpret_cast<Word*>(parts + launch.shared.weights);
      for (std::size_t i = lane; i < launch.weights_stride; i += lanes)
        weights[i] = stored_weights[i];
    } else {
      weights = stored_weights;
    }
  }

  /// Stores the weights where the next launch finds them, and adds up the sums.
  __device__ __forceinline__ void finish() const {
    if constexpr (T::shared_weights)
      for (std::size_t i = lane; i < arguments.weights_stride; i += lanes)
        stored_weights[i] = weights[i];
    if (arguments.shared_sums)
      for (std::uint32_t layer = 0; layer < arguments.layers; ++layer)
        add_to_sums(layer, lane_sums(layer).abs_update, lane_sums(layer).dropped);
  }

  // Known of plain networks when this is compiled.
  __device__ __forceinline__ bool has_copies() const { return !T::plain && network.has_copies; }
  __device__ __forceinline__ AtRandom rounds_at_random() const {
    return T::plain ? AtRandom::none : network.rounds_at_random;
  }

  __device__ __forceinline__ const LayerPlace& place(std::uint32_t layer) const {
    return tables.places[layer];
  }
  __device__ __forceinline__ bool is_last(std::uint32_t layer) const {
    return layer + 1 == arguments.layers;
  }

  // Lists of terms: a layer's inputs, and its errors.
  __device__ __forceinline__ ValueTerm* inputs(const LayerPlace& at) const {
    return reinterpret_cast<ValueTerm*>(vectors + at.terms);
  }
  __device__ __forceinline__ ValueTerm* errors(const LayerPlace& at) const {
    return reinterpret_cast<ValueTerm*>(vectors + at.errors);
  }
  __device__ __forceinline__ std::uint32_t* input_count(std::uint32_t layer) const {
    return counters + layer;
  }
  __device__ __forceinline__ std::uint32_t* error_count(std::uint32_t layer) const {
    return counters + arguments.layers + layer;
  }

  /// Adds one lane's term to a list where it is not zero. All lanes of a warp call it together.
  __device__ __forceinline__ void append(ValueTerm* list, std::uint32_t* count, std::uint64_t at,
                                         Value value) const {
    const unsigned terms = __ballot_sync(all_lanes, value != 0);
    if (terms == 0) return;
    const std::uint32_t of_warp = lane % warp_lanes, last = warp_lanes - 1;
    const auto before = static_cast<std::uint32_t>(__popc(terms & ((1U << of_warp) - 1)));
    std::uint32_t first = 0;
    if (of_warp == last) first = atomicAdd(count, before + (value != 0));
    first = __shfl_sync(all_lanes, first, last);
    if (value != 0) list[first + before] = {static_cast<std::make_unsigned_t<Value>>(at), value};
  }

  /// This lane's sums of updates in 32 bits, in shared memory.
  __device__ __forceinline__ LaneSums& lane_sums(std::uint32_t layer) const {
    return reinterpret_cast<LaneSums*>(parts +
                                       arguments.shared.sums)[std::size_t{layer} * lanes + lane];
  }
  __device__ __forceinline__ void add_to_sums(std::uint32_t layer, WideSum abs_update,
                                              WideSum dropped) const {
    LayerSums& all = sums[std::size_t{layer} * lanes];
    if (abs_update != 0) all.abs_update += abs_update;
    if (dropped != 0) all.dropped += dropped;
  }

  /// What this lane counts of a layer, where T::counts.
  __device__ __forceinline__ LayerDiagnostics& counts_of(std::uint32_t layer) const {
    return counts[std::size_t{layer} * lanes];
  }
  /// What counts the values of a tensor; null where nothing is counted.
  __device__ __forceinline__ TensorDiagnostics* counts_of(std::uint32_t layer,
                                                          Tensor tensor) const {
    if constexpr (!T::counts) return nullptr;
    return &counts_of(layer).of(tensor);
  }

  const NetworkArguments& arguments;
  const std::uint32_t number;  // of the network, in the batch
  const NetworkTables tables;
  const DeviceNetwork& network;
  const LayerArithmetic* const arithmetic;  // [layers]
  LayerSums* const sums;                    // [layers][lanes], from this lane's on
  LayerDiagnostics* counts = nullptr;       // the same
  Word* const stored_weights;               // in global memory
  Word* weights;                            //
  std::int64_t* const parts;                // shared memory; at first the parts of sums
  std::uint32_t* const counters;            // of terms
  std::int64_t* vectors;                    // of the sample at hand
  const std::uint32_t lane, lanes;
};

}  // namespace gridrun::cuda
