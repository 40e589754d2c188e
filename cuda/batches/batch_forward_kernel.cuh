// Device: the way of a batch through a layer, a block a tile of units and samples. Paragraph 5.3 of
// docs/arithmetic.md.
#pragma once

#include "batches/batch_network.cuh"
#include "batches/batch_totals.cuh"
#include "batches/product_tile.cuh"
#include "general/unit_arithmetic.cuh"

namespace gridrun::cuda {

/// Blocks of a multiprocessor that registers have to suffice for. 0 leaves it to the compiler,
/// which for two bytes and more would rather spill some.
template <class T>
inline constexpr int least_forward_blocks = T::planes < 2 ? 0 : 1;

template <class T>
__global__ void __launch_bounds__(tile_lanes, least_forward_blocks<T>)
    batch_forward_kernel(BatchArguments arguments) {
  using Value = typename T::Value;
  const std::uint32_t layer = arguments.layer;
  const std::uint32_t units = arguments.all.places[layer].units;
  const ProductTile<typename T::Products> tile(arguments, units, arguments.samples);
  const BatchNetwork<T> own(arguments, tile.network);
  const auto sums = multiply_tile<typename T::Products, Neighbouring::rows>(
      tile, own.template weight_matrix<false>(layer), own.template input_matrix<true>(layer),
      own.inputs_and_bias(layer));
  const LayerArithmetic& arithmetic = own.arithmetic(layer);
  const Fitting accumulator = own.network().accumulator;
  const std::uint32_t seed = own.network().rounding_seed;
  const bool notes_leaks = arithmetic.kind == Activation::leaky_relu && !arguments.all.judges;
  const auto one = static_cast<Value>(own.is_last(layer) ? 0 : own.arithmetic(layer + 1).one);
  const std::uint32_t stride = arguments.places[layer].stride;
  Value* const activations = own.activations(layer);
  Value* const errors = own.errors(layer);
  LayerDiagnostics counts;
  LastDrawn last;
  const auto counts_of = [&](Tensor tensor) { return T::counts ? &counts.of(tensor) : nullptr; };
  const bool draws = arithmetic.activation.round == Round::stochastic && !arguments.all.judges;
  sums.for_each(draws, [&](std::uint32_t j, std::uint32_t sample, std::int64_t sum) {
    const std::int64_t z = accumulated<T::counts>(sum, accumulator, counts_of(Tensor::accumulator));
    const std::int64_t a = activated<T::counts, true>(
        z, arithmetic,
        {seed, Drawn::activation, layer, arguments.step + sample, j, arguments.all.judges, &last},
        counts_of(Tensor::activation));
    const std::size_t of_sample = std::size_t{sample} * stride;
    activations[of_sample + j] = static_cast<Value>(a);
    if (j == 0) activations[of_sample + units] = one;
    if (notes_leaks) errors[of_sample + j] = z <= 0;
  });
  if constexpr (T::counts) add_to_network(own.counts(layer), counts);
}

}  // namespace gridrun::cuda
