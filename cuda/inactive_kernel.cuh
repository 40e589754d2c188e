// Device: counts the steps for which no neuron of a network was active, a warp for 32 steps.
// Compiled by nvcc and, over the emulation, by the tests.
#pragma once

#include "device_code.cuh"
#include "settle_kernel.cuh"

namespace gridrun::cuda {

/// Of the steps that a settle_kernel settles, with its grid. `counts`: [networks].
template <typename Word>
__global__ void __launch_bounds__(settle_block_lanes)
    inactive_kernel(SettleArguments<Word> settled, NetworkCounts* counts) {
  const std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  const unsigned steps = __ballot_sync(all_lanes, i < settled.steps);
  const std::uint64_t before =
      std::uint64_t{settled.first_word} * warp_lanes + i;  // steps of the network
  for (std::uint32_t n = blockIdx.y; n < settled.networks; n += gridDim.y) {
    const std::size_t unit = std::size_t{n} * settled.outputs;
    const Word* activations = settled.activations + unit * settled.activation_stride + i;
    bool is_active = false;
    for (std::uint32_t j = 0; i < settled.steps && j < settled.outputs; ++j)
      is_active |= activations[std::size_t{j} * settled.activation_stride] > 0;
    const unsigned active = __ballot_sync(all_lanes, is_active);
    if (threadIdx.x % warp_lanes != 0) continue;
    if (active != steps)
      atomic_add(&counts[n].inactive, static_cast<std::uint64_t>(__popc(steps & ~active)));
    if (active != 0)
      atomic_max(&counts[n].last_active,
                 before + static_cast<std::uint64_t>(warp_lanes - __clz(static_cast<int>(active))));
  }
}

}  // namespace gridrun::cuda
