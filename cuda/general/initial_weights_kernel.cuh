// Device: makes the normals of a sweep the weights that each network starts from, as
// initial_weights() does; a row of blocks a network. Biases are 0 and left as they are.
#pragma once

#include <cmath>

#include "device_code.cuh"
#include "general/network_types.hpp"

namespace gridrun::cuda {

inline constexpr std::uint32_t initial_block_lanes = 256;
inline constexpr std::uint32_t initial_blocks = 16;  // of a network

template <typename Word>
__global__ void __launch_bounds__(initial_block_lanes)
    initial_weights_kernel(NetworkArguments arguments) {
  const std::uint32_t network = blockIdx.x / initial_blocks;
  const std::uint64_t first = std::uint64_t{blockIdx.x % initial_blocks} * blockDim.x + threadIdx.x;
  const Fitting& master = arguments.networks[network].master;
  Word* const weights = static_cast<Word*>(arguments.weights) + network * arguments.weights_stride;
  const double* normals = arguments.normals;
  for (std::uint32_t layer = 0; layer < arguments.layers; ++layer) {
    const LayerPlace& at = arguments.places[layer];
    const DrawnWeights draw = arguments.drawn[std::size_t{network} * arguments.layers + layer];
    const std::uint64_t count = std::uint64_t{at.units} * at.inputs;
    for (std::uint64_t i = first; i < count; i += std::uint64_t{initial_blocks} * blockDim.x) {
      const double real = multiplied(added(draw.mean, multiplied(draw.std, normals[i])), draw.unit);
      const auto word = static_cast<std::int64_t>(rint(real));
      const std::uint64_t unit = i / at.inputs, input = i % at.inputs;
      weights[at.weights + input * at.stride + unit] =
          static_cast<Word>(overflowed(word, master.bits, master.overflow));
    }
    normals += count;
  }
}

}  // namespace gridrun::cuda
