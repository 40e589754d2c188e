// Host and device: what the kernels read and write that train networks in batches of samples
// (docs/arithmetic.md, parts 4 to 8). All pointers are device memory.
//
// A launch is one part of the way of a batch, of all networks at once: a layer forward, the
// answers, a layer back, the update of a layer. All but the answers are products of two matrices,
// of which a block multiplies a tile. Values are words of 64 bits, or of 32 where formats allow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "general/network_types.hpp"

namespace gridrun::cuda {

/// A tile of a product, and the lanes that multiply it. It has fewer columns where factors have so
/// many bytes (BatchLaunch::planes) that registers would not suffice.
inline constexpr std::uint32_t tile_rows = 64, tile_lanes = 128;
GRIDRUN_HOST_DEVICE constexpr std::uint32_t tile_columns(std::uint32_t planes) {
  return planes == 4 ? 16 : 32;
}

/// Neighbouring values that a lane reads at once. Rows of values and of weights begin at multiples
/// of so many.
inline constexpr std::uint32_t values_together = 4;

/// Lanes of a block of the other parts.
inline constexpr std::uint32_t part_lanes = 128;

enum class BatchPart : std::uint8_t {
  copies,    // of all weights, in the format that products use
  inputs,    // of some samples, in every format that networks have for them
  forward,   // a layer's activations
  answers,   // of the last layer: right or wrong; its errors
  inactive,  // layers in which no unit is active are counted
  errors,    // of a hidden layer
  update     // of a layer's weights
};

/// Where a layer's values are among a network's.
struct BatchPlace {
  std::uint64_t activations;  // a [samples][stride], each followed by the next layer's bias
  std::uint64_t errors;       // d [samples][stride]; before they are known, whether a unit leaks
  std::uint32_t stride;       // a multiple of 4
};

/// A format of inputs, and what its bias is.
struct InputFormat {
  std::int32_t fraction, bits;
  Overflow overflow;
  std::int64_t one;

  friend bool operator==(const InputFormat&, const InputFormat&) = default;
};

/// A launch of any part.
struct BatchArguments {
  NetworkArguments all;         // without vectors, lists of inputs and an order; `lanes` is 1
  const BatchPlace* places;     // [layers]
  const InputFormat* formats;   // [formats]; DeviceNetwork::input_list tells a network's
  const void* stored;           // [samples][inputs] of the launches to come, bytes or binary64
  double scale;                 // an input is stored / scale
  const std::uint32_t* labels;  // [samples]
  void* inputs;                 // x, then the bias [formats][samples][input_stride]
  void* values;                 // [networks][values_stride]
  void* copies;  // [networks][weights_stride] weights as products use them, or null where no
                 // network has them in a format of their own
  std::uint64_t* last_active;  // [networks][layers] steps up to the last one in which any unit was
                               // active; only where these are counted
  std::uint64_t values_stride;
  std::uint32_t formats_count, stored_samples, input_stride;
  std::uint32_t first;    // sample of the batch, of the stored ones
  std::uint32_t samples;  // of the batch
  std::uint32_t step;     // of its first sample
  std::uint32_t batch;    // its number
  std::uint32_t layer;
  std::uint32_t first_block;  // of this launch, of those that the part has
  bool stored_bytes;
};

/// How a part is launched.
struct BatchLaunch {
  BatchPart part = BatchPart::copies;
  std::size_t word = 8;      // bytes of a weight: 2, 4 or 8
  std::uint32_t planes = 0;  // bytes of a factor where tensor cores multiply, else 0
  bool counts = false;       // what diagnostics ask for; words of 8 bytes only
  std::uint32_t blocks = 0;
};

/// Blocks for so many lanes of work.
GRIDRUN_HOST_DEVICE constexpr std::uint64_t part_blocks(std::uint64_t lanes) {
  return (lanes + part_lanes - 1) / part_lanes;
}

/// Tiles of a product of so many rows and columns, which have so many columns of it each; one after
/// another along a row of tiles.
struct TileGrid {
  std::uint32_t across, tiles;

  GRIDRUN_HOST_DEVICE constexpr TileGrid(std::uint32_t rows, std::uint32_t columns,
                                         std::uint32_t of_tile)
      : across((columns + of_tile - 1) / of_tile),
        tiles(across * ((rows + tile_rows - 1) / tile_rows)) {}
};

}  // namespace gridrun::cuda
