// Device: the way of a batch's errors back to a hidden layer, a block a tile of units and samples.
// Paragraph 5.5 of docs/arithmetic.md.
#pragma once

#include "batches/batch_network.cuh"
#include "batches/batch_totals.cuh"
#include "batches/product_tile.cuh"
#include "general/unit_arithmetic.cuh"

namespace gridrun::cuda {

/// Brings the errors of a layer's units into their format.
template <class T>
class BatchErrors {
 public:
  using Value = typename T::Value;

  __device__ __forceinline__ BatchErrors(const BatchArguments& arguments,
                                         const BatchNetwork<T>& own, std::uint32_t layer)
      : activations_(own.activations(layer)),
        errors_(own.errors(layer)),
        stride_(arguments.places[layer].stride),
        layer_(layer),
        first_step_(arguments.step),
        seed_(own.network().rounding_seed),
        kind_(own.arithmetic(layer).kind),
        whole_(own.arithmetic(layer).error),
        leaking_(own.arithmetic(layer).leaking_error) {}

  __device__ __forceinline__ std::int64_t activation(std::uint32_t j, std::uint32_t sample) const {
    return activations_[std::size_t{sample} * stride_ + j];
  }

  /// Whether unit j is active in a sample, so that an error passes whole. To be asked before its
  /// error is stored.
  __device__ __forceinline__ bool is_active(std::uint32_t j, std::uint32_t sample) const {
    if (kind_ == Activation::relu) return activation(j, sample) > 0;
    return kind_ == Activation::linear || !leaks(j, sample);
  }

  /// Whether errors are rounded at random.
  __device__ __forceinline__ bool draws() const { return whole_.round == Round::stochastic; }

  /// Stores the error of unit j in a sample; e() is called where one passes. `last`: see
  /// ElementDraw.
  template <class E>
  __device__ __forceinline__ void store(std::uint32_t j, std::uint32_t sample, E e,
                                        TensorDiagnostics* counts,
                                        LastDrawn* last = nullptr) const {
    std::int64_t d = 0;
    const bool is_leaky = kind_ == Activation::leaky_relu;
    if (kind_ != Activation::relu || activation(j, sample) > 0)
      d = fitted<T::counts, true, std::int64_t>(
          e(), is_leaky && leaks(j, sample) ? leaking_ : whole_,
          {seed_, Drawn::error, layer_, first_step_ + sample, j, false, last}, counts);
    errors_[std::size_t{sample} * stride_ + j] = static_cast<Value>(d);
  }

 private:
  __device__ __forceinline__ bool leaks(std::uint32_t j, std::uint32_t sample) const {
    return errors_[std::size_t{sample} * stride_ + j] != 0;
  }

  const Value* const activations_;
  Value* const errors_;
  const std::uint32_t stride_, layer_, first_step_, seed_;
  const Activation kind_;
  const Fitting whole_, leaking_;  // where no store can reach them
};

/// As least_forward_blocks: weights of 16 bits, multiplied as two bytes, are what would spill.
template <class T>
inline constexpr int least_error_blocks = sizeof(typename T::Word) == 2 && T::planes == 2 ? 1 : 0;

template <class T>
__global__ void __launch_bounds__(tile_lanes, least_error_blocks<T>)
    batch_errors_kernel(BatchArguments arguments) {
  const std::uint32_t layer = arguments.layer;
  const ProductTile<typename T::Products> tile(arguments, arguments.all.places[layer].units,
                                               arguments.samples);
  const BatchNetwork<T> own(arguments, tile.network);
  const auto sums = multiply_tile<typename T::Products, Neighbouring::rows>(
      tile, own.template weight_matrix<true>(layer + 1), own.template error_matrix<true>(layer + 1),
      arguments.all.places[layer + 1].units);
  const BatchErrors<T> errors(arguments, own, layer);
  const Fitting accumulator = own.network().accumulator;
  LayerDiagnostics counts;
  LastDrawn last;
  const auto counts_of = [&](Tensor tensor) { return T::counts ? &counts.of(tensor) : nullptr; };
  sums.for_each(errors.draws(), [&](std::uint32_t k, std::uint32_t sample, std::int64_t sum) {
    errors.store(
        k, sample,
        [&] { return accumulated<T::counts>(sum, accumulator, counts_of(Tensor::accumulator)); },
        counts_of(Tensor::error), &last);
  });
  if constexpr (T::counts) add_to_network(own.counts(layer), counts);
}

}  // namespace gridrun::cuda
