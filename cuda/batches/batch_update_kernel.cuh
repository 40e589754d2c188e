// Device: the update of a layer by a batch, a block a tile of inputs and units. Paragraph 5.6 of
// docs/arithmetic.md.
#pragma once

#include "batches/batch_network.cuh"
#include "batches/batch_totals.cuh"
#include "batches/product_tile.cuh"
#include "general/narrow_update.cuh"
#include "general/unit_arithmetic.cuh"

namespace gridrun::cuda {

/// Whether an update by P is one that takes 32 bits where a layer's arithmetic does.
__device__ __forceinline__ bool is_narrow(std::int64_t p) {
  return p >= -narrow_most && p <= narrow_most;
}

template <class T>
__global__ void __launch_bounds__(tile_lanes) batch_update_kernel(BatchArguments arguments) {
  using Word = typename T::Word;
  const NetworkArguments& all = arguments.all;
  const std::uint32_t layer = arguments.layer, units = all.places[layer].units;
  const ProductTile<typename T::Products> tile(arguments, all.places[layer].inputs + 1, units);
  const BatchNetwork<T> own(arguments, tile.network);
  const auto products = multiply_tile<typename T::Products, Neighbouring::columns>(
      tile, own.template input_matrix<false>(layer), own.template error_matrix<false>(layer),
      arguments.samples);
  const LayerArithmetic& arithmetic = own.arithmetic(layer);
  Word* const weights = own.weights(layer);
  const std::uint32_t inputs = own.inputs_and_bias(layer);  // a tile may have one more
  const auto element = [units](std::uint32_t k, std::uint32_t j) {
    return std::uint64_t{k} * units + j;
  };
  Word* const copies = own.copies(layer);
  const DeviceNetwork& network = own.network();
  bool is_narrow_network = false;
  bool any_left = true;  // of this lane's updates
  StepSums<std::int64_t> sums;
  if constexpr (!T::counts && sizeof(typename T::Value) == 4) {
    is_narrow_network =
        arithmetic.updates_in_32_bits && !network.rounds_weights_at_random && copies == nullptr;
    if (is_narrow_network) {
      any_left = false;
      const NarrowUpdate<Word, true, true> update{arithmetic.narrow, weights};
      std::uint64_t abs_update = 0, dropped = 0;
      products.template for_each<Word>(
          [&](std::uint32_t k, std::uint32_t j, std::int64_t p) {
            return k < inputs && p != 0 ? weights[element(k, j)] : Word{0};
          },
          [&](std::uint32_t k, std::uint32_t j, std::int64_t p, Word w) {
            if (k >= inputs || p == 0) return;
            if (!is_narrow(p)) {
              any_left = true;
              return;
            }
            std::uint32_t of_abs = 0, of_dropped = 0;
            weights[element(k, j)] = update(w, static_cast<std::int32_t>(p), of_abs, of_dropped);
            abs_update += of_abs;
            dropped += of_dropped;
          });
      sums.abs_update = abs_update;
      sums.dropped = dropped;
    }
  }
  LayerDiagnostics counts;
  if (any_left) {
    const WeightUpdate<Word> update(network, arithmetic, layer, arguments.batch, weights,
                                    T::counts ? &counts : nullptr);
    products.for_each([&](std::uint32_t k, std::uint32_t j, std::int64_t p) {
      if (k >= inputs || p == 0 || (is_narrow_network && is_narrow(p))) return;
      update_weight<T::counts>(update, element(k, j), p, sums);
      if (copies != nullptr)
        copies[element(k, j)] =
            product_weight<true, Word>(*update.copy, update.weights[element(k, j)]);
    });
  }
  add_to_network(own.sums(layer), sums);
  if constexpr (T::counts) add_to_network(own.counts(layer), counts);
}

}  // namespace gridrun::cuda
