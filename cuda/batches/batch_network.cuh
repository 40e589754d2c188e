// Device: a network as the lanes see it that train it in batches, and what the kernels are compiled
// for.
#pragma once

#include "batches/batch_types.hpp"
#include "batches/byte_products.cuh"
#include "batches/product_tile.cuh"
#include "batches/word_products.cuh"

namespace gridrun::cuda {

/// What a kernel is compiled for. `kPlanes`: bytes of a factor where tensor cores multiply; 0 for
/// words of 64 bits.
template <typename Word_, std::uint32_t kPlanes, bool kCounts = false>
struct BatchTraining {
  using Word = Word_;
  using Products =
      std::conditional_t<kPlanes == 0, WordProducts, ByteProducts<kPlanes == 0 ? 1 : kPlanes>>;
  using Value = typename Products::Value;
  static constexpr std::uint32_t planes = kPlanes;
  static constexpr bool counts = kCounts;
  static_assert(sizeof(Value) == (sizeof(Word) == 8 ? 8 : 4));
};

/// Where the parts of one network are.
template <class T>
class BatchNetwork {
 public:
  using Word = typename T::Word;
  using Value = typename T::Value;
  template <bool kTermsAreNeighbours>
  using ValueMatrix = ProductMatrix<Value, kTermsAreNeighbours>;

  __device__ __forceinline__ BatchNetwork(const BatchArguments& arguments, std::uint32_t number)
      : arguments_(arguments), number_(number) {}

  __device__ __forceinline__ const DeviceNetwork& network() const {
    return arguments_.all.networks[number_];
  }
  __device__ __forceinline__ const LayerArithmetic& arithmetic(std::uint32_t layer) const {
    return arguments_.all.arithmetic[std::size_t{number_} * arguments_.all.layers + layer];
  }
  __device__ __forceinline__ bool is_last(std::uint32_t layer) const {
    return layer + 1 == arguments_.all.layers;
  }

  __device__ __forceinline__ Word* weights(std::uint32_t layer) const {
    return static_cast<Word*>(arguments_.all.weights) +
           std::size_t{number_} * arguments_.all.weights_stride +
           arguments_.all.places[layer].weights;
  }
  /// The same as products use them, where that is another format; else null.
  __device__ __forceinline__ Word* copies(std::uint32_t layer) const {
    if (!network().has_copies) return nullptr;
    return static_cast<Word*>(arguments_.copies) +
           std::size_t{number_} * arguments_.all.weights_stride +
           arguments_.all.places[layer].weights;
  }
  /// [input][place.stride], as products use them.
  template <bool kTermsAreNeighbours>
  __device__ __forceinline__ ProductMatrix<Word, kTermsAreNeighbours> weight_matrix(
      std::uint32_t layer) const {
    const Word* const copies_there = copies(layer);
    return {copies_there != nullptr ? copies_there : weights(layer),
            arguments_.all.places[layer].stride};
  }

  /// a [samples][place.stride].
  __device__ __forceinline__ Value* activations(std::uint32_t layer) const {
    return values() + arguments_.places[layer].activations;
  }
  /// d [samples][place.stride]; until it is known, whether the unit leaks.
  __device__ __forceinline__ Value* errors(std::uint32_t layer) const {
    return values() + arguments_.places[layer].errors;
  }
  template <bool kTermsAreNeighbours>
  __device__ __forceinline__ ValueMatrix<kTermsAreNeighbours> error_matrix(
      std::uint32_t layer) const {
    return {errors(layer), arguments_.places[layer].stride};
  }
  /// What a layer's weights are multiplied by, [samples][inputs and bias].
  template <bool kTermsAreNeighbours>
  __device__ __forceinline__ ValueMatrix<kTermsAreNeighbours> input_matrix(
      std::uint32_t layer) const {
    if (layer > 0) return {activations(layer - 1), arguments_.places[layer - 1].stride};
    const std::size_t sample =
        std::size_t{network().input_list} * arguments_.stored_samples + arguments_.first;
    return {static_cast<const Value*>(arguments_.inputs) + sample * arguments_.input_stride,
            arguments_.input_stride};
  }
  /// What the lanes of all blocks add up and count.
  __device__ __forceinline__ LayerSums& sums(std::uint32_t layer) const {
    return arguments_.all.lane_sums[std::size_t{number_} * arguments_.all.layers + layer];
  }
  __device__ __forceinline__ LayerDiagnostics& counts(std::uint32_t layer) const {
    return arguments_.all.lane_counts[std::size_t{number_} * arguments_.all.layers + layer];
  }
  __device__ __forceinline__ std::uint32_t inputs_and_bias(std::uint32_t layer) const {
    return arguments_.all.places[layer].inputs + network().bias;
  }

 private:
  __device__ __forceinline__ Value* values() const {
    return static_cast<Value*>(arguments_.values) + std::size_t{number_} * arguments_.values_stride;
  }

  const BatchArguments& arguments_;
  const std::uint32_t number_;
};

}  // namespace gridrun::cuda
