// Device: lists the inputs of samples that are not zero, in their order; a warp a sample.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"

namespace gridrun::cuda {

inline constexpr std::uint32_t list_block_lanes = 128;

/// Blocks that list so many samples.
constexpr std::uint32_t list_blocks(std::uint32_t samples) {
  constexpr std::uint32_t warps = list_block_lanes / warp_lanes;
  return (samples + warps - 1) / warps;
}

/// `Stored`: bytes, or binary64, which become stored / scale.
template <typename Stored>
__global__ void __launch_bounds__(list_block_lanes) list_inputs_kernel(ListArguments arguments) {
  const std::uint32_t sample = (blockIdx.x * blockDim.x + threadIdx.x) / warp_lanes;
  if (sample >= arguments.samples) return;  // a whole warp
  const std::uint32_t lane = threadIdx.x % warp_lanes, inputs = arguments.inputs;
  const std::size_t begin = std::size_t{sample} * inputs;
  const Stored* const stored = static_cast<const Stored*>(arguments.stored) + begin;
  std::uint32_t count = 0;
  for (std::uint32_t first = 0; first < inputs; first += warp_lanes) {
    const std::uint32_t k = first + lane;
    const Stored value = k < inputs ? stored[k] : Stored{0};
    const unsigned listed = __ballot_sync(all_lanes, value != 0);
    if (value != 0) {
      const std::size_t at =
          begin + count + static_cast<std::uint32_t>(__popc(listed & ((1U << lane) - 1)));
      arguments.index[at] = k;
      if constexpr (sizeof(Stored) == 1)
        arguments.bytes[at] = value;
      else
        arguments.reals[at] = value / arguments.scale;
    }
    count += static_cast<std::uint32_t>(__popc(listed));
  }
  if (lane == 0) arguments.counts[sample] = count;
}

}  // namespace gridrun::cuda
