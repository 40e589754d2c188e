// Device: adds up the digests of a batch's weights, a block for each bundle of neurons. Compiled by
// nvcc and, over the emulation, by the tests.
#pragma once

#include "device_code.cuh"
#include "gridrun/weights_digest.hpp"

namespace gridrun::cuda {

inline constexpr std::uint32_t digest_block_lanes = 128;

/// A lane adds up the parts of some weights of one neuron of its block's bundle. Padding rows and
/// places that are not used have no part. Grid: x covers the bundles.
template <typename Word>
__global__ void __launch_bounds__(digest_block_lanes)
    digest_kernel(DigestArguments<Word> arguments) {
  const std::uint32_t neurons = arguments.neurons;
  const std::uint32_t neuron = threadIdx.x % neurons;
  const Unit unit = arguments.units[std::size_t{blockIdx.x} * neurons + neuron];
  const bool used = unit.network != no_network;
  const Word* weights =
      arguments.weights + std::size_t{blockIdx.x} * arguments.rows * neurons + neuron;

  std::uint64_t digest = 0;
  if (used)
    for (std::uint32_t k = threadIdx.x / neurons; k < arguments.inputs;
         k += digest_block_lanes / neurons)
      digest += weight_digest(weights[std::size_t{k} * neurons],
                              std::uint64_t{k} * arguments.outputs + unit.output);
  for (std::uint32_t step = neurons; step < warp_lanes; step *= 2)
    digest += __shfl_xor_sync(all_lanes, digest, static_cast<int>(step));
  if (used && threadIdx.x % warp_lanes < neurons)
    atomic_add(arguments.digests + unit.network, digest);
}

}  // namespace gridrun::cuda
