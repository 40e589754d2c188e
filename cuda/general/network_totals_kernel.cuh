// Device: adds up what the lanes of a network counted, and the digest of its weights; a block a
// network.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"
#include "gridrun/weights_digest.hpp"

namespace gridrun::cuda {

inline constexpr std::uint32_t total_block_lanes = 128;

template <typename Word>
__global__ void __launch_bounds__(total_block_lanes)
    network_totals_kernel(NetworkArguments arguments) {
  const std::size_t first = std::size_t{blockIdx.x} * arguments.layers;
  for (std::size_t layer = first + threadIdx.x; layer < first + arguments.layers;
       layer += blockDim.x) {
    LayerSums sums;
    for (std::size_t lane = 0; lane < arguments.lanes; ++lane) {
      const LayerSums& of_lane = arguments.lane_sums[layer * arguments.lanes + lane];
      sums.abs_update += of_lane.abs_update;
      sums.dropped += of_lane.dropped;
    }
    arguments.sums[layer] = sums;
    if (arguments.counts == nullptr) continue;
    LayerDiagnostics counts;
    for (std::size_t lane = 0; lane < arguments.lanes; ++lane)
      counts.add(arguments.lane_counts[layer * arguments.lanes + lane]);
    arguments.counts[layer] = counts;
  }

  const Word* const weights =
      static_cast<const Word*>(arguments.weights) + blockIdx.x * arguments.weights_stride;
  std::uint64_t digest = 0, place = 0;
  for (std::uint32_t layer = 0; layer < arguments.layers; ++layer) {
    const LayerPlace at = arguments.places[layer];
    const std::uint64_t count =
        std::uint64_t{at.inputs + arguments.networks[blockIdx.x].bias} * at.units;
    for (std::uint64_t i = threadIdx.x; i < count; i += blockDim.x)
      digest +=
          weight_digest(weights[at.weights + i / at.units * at.stride + i % at.units], place + i);
    place += count;
  }
  atomic_add(arguments.digests + blockIdx.x, digest);
}

}  // namespace gridrun::cuda
