// Device: adds up the digests of a batch's weights, a warp for each bundle of neurons. Compiled by
// nvcc and, over the emulation, by the tests.
#pragma once

#include "device_code.cuh"
#include "gridrun/weights_digest.hpp"

namespace gridrun::cuda {

inline constexpr std::uint32_t digest_block_lanes = 256;

/// Blocks of a launch.
inline std::uint32_t digest_blocks(std::uint32_t bundles) {
  constexpr std::uint32_t block_bundles = digest_block_lanes / warp_lanes;
  return bundles / block_bundles + (bundles % block_bundles != 0);
}

/// A lane adds up the parts of every (32 / neurons)-th weight of one neuron of its warp's bundle.
/// Padding rows and places that are not used have no part.
template <typename Word>
__global__ void __launch_bounds__(digest_block_lanes)
    digest_kernel(DigestArguments<Word> arguments) {
  const std::uint32_t bundle =
      blockIdx.x * (digest_block_lanes / warp_lanes) + threadIdx.x / warp_lanes;
  if (bundle >= arguments.bundles) return;  // the whole warp
  const std::uint32_t lane = threadIdx.x % warp_lanes;
  const std::uint32_t neurons = arguments.neurons;
  const std::uint32_t neuron = lane % neurons;
  const Unit unit = arguments.units[std::size_t{bundle} * neurons + neuron];
  const bool used = unit.network != no_network;
  const Word* weights = arguments.weights + std::size_t{bundle} * arguments.rows * neurons + neuron;

  std::uint64_t digest = 0;
  if (used)
    for (std::uint32_t k = lane / neurons; k < arguments.inputs; k += warp_lanes / neurons)
      digest += weight_digest(weights[std::size_t{k} * neurons],
                              std::uint64_t{k} * arguments.outputs + unit.output);
  for (std::uint32_t step = neurons; step < warp_lanes; step *= 2)
    digest += __shfl_xor_sync(all_lanes, digest, static_cast<int>(step));
  if (used && lane < neurons) atomic_add(arguments.digests + unit.network, digest);
}

}  // namespace gridrun::cuda
