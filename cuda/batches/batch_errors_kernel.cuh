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
      : kind_(own.arithmetic(layer).kind),
        errors_(own.errors(layer)),
        gates_(kind_ == Activation::leaky_relu ? errors_ : own.activations(layer)),
        stride_(arguments.places[layer].stride),
        layer_(layer),
        first_step_(arguments.step),
        seed_(own.network().rounding_seed),
        whole_(own.arithmetic(layer).error),
        leaking_(own.arithmetic(layer).leaking_error) {}

  /// What says how an error passes unit j in a sample: the unit's activation, or of leaky_relu
  /// whether it leaks. To be read before the error is stored.
  __device__ __forceinline__ Value gate(std::uint32_t j, std::uint32_t sample) const {
    return gates_[place(j, sample)];
  }

  /// Whether a unit of such a gate is active, so that its error passes whole.
  __device__ __forceinline__ bool is_active(Value gate) const {
    switch (kind_) {
      case Activation::relu:
        return gate > 0;
      case Activation::leaky_relu:
        return gate == 0;
      case Activation::linear:
        break;
    }
    return true;
  }

  /// Whether errors are rounded at random.
  __device__ __forceinline__ bool draws() const { return whole_.round == Round::stochastic; }

  /// Stores the error of unit j in a sample; e() is called where one passes. `last`: see
  /// ElementDraw.
  template <class E>
  __device__ __forceinline__ void store(std::uint32_t j, std::uint32_t sample, Value gate, E e,
                                        TensorDiagnostics* counts,
                                        LastDrawn* last = nullptr) const {
    std::int64_t d = 0;
    const bool is_whole = is_active(gate);
    if (is_whole || kind_ == Activation::leaky_relu)
      d = fitted<T::counts, true, std::int64_t>(
          e(), is_whole ? whole_ : leaking_,
          {seed_, Drawn::error, layer_, first_step_ + sample, j, false, last}, counts);
    errors_[place(j, sample)] = static_cast<Value>(d);
  }

 private:
  __device__ __forceinline__ std::size_t place(std::uint32_t j, std::uint32_t sample) const {
    return std::size_t{sample} * stride_ + j;
  }

  const Activation kind_;
  Value* const errors_;
  const Value* const gates_;
  const std::uint32_t stride_, layer_, first_step_, seed_;
  const Fitting &whole_, &leaking_;
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
  using Value = typename T::Value;
  sums.for_each_loaded(
      errors.draws(), [&](std::uint32_t k, std::uint32_t sample) { return errors.gate(k, sample); },
      [&](std::uint32_t k, std::uint32_t sample, std::int64_t sum, Value gate) {
        errors.store(
            k, sample, gate,
            [&] {
              return accumulated<T::counts>(sum, accumulator, counts_of(Tensor::accumulator));
            },
            counts_of(Tensor::error), &last);
      });
  if constexpr (T::counts) add_to_network(own.counts(layer), counts);
}

}  // namespace gridrun::cuda
