// Device: the update of a layer by a batch, a block a tile of inputs and units. Paragraph 5.6 of
// docs/arithmetic.md.
#pragma once

#include "batches/tile_update.cuh"

namespace gridrun::cuda {

template <class T>
__global__ void __launch_bounds__(tile_lanes) batch_update_kernel(BatchArguments arguments) {
  const std::uint32_t layer = arguments.layer;
  const LayerPlace& at = arguments.all.places[layer];
  const ProductTile<typename T::Products> tile(arguments, at.inputs + 1, at.units);
  const BatchNetwork<T> own(arguments, tile.network);
  const auto products = multiply_tile<typename T::Products, Neighbouring::columns>(
      tile, own.template input_matrix<false>(layer), own.template error_matrix<false>(layer),
      arguments.samples);
  TileUpdate<T>(arguments, own).take(products);
}

}  // namespace gridrun::cuda
