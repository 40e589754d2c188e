// Device: settles which steps were right, a warp for 32 steps of a network. Compiled by nvcc and,
// over the emulation, by the tests.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

inline constexpr int settle_block_lanes = 256;

/// The first of a network's activations that is largest as binary64.
template <typename Word>
__device__ __forceinline__ std::uint32_t arg_max(const Word* activations, std::uint32_t count,
                                                 std::uint32_t stride) {
  std::uint32_t best = 0;
  auto largest = static_cast<double>(activations[0]);
#pragma unroll 4
  for (std::uint32_t j = 1; j < count; ++j) {
    const auto a = static_cast<double>(activations[std::size_t{j} * stride]);
    if (a > largest) {
      largest = a;
      best = j;
    }
  }
  return best;
}

/// Grid: x covers the steps, a lane each; y strides over the networks.
template <typename Word>
__global__ void __launch_bounds__(settle_block_lanes)
    settle_kernel(SettleArguments<Word> arguments) {
  const std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  const bool inside = i < arguments.steps;
  const auto sample =
      static_cast<std::uint32_t>((std::uint64_t{arguments.first_sample} + i) % arguments.samples);
  const std::uint32_t label = read_only(arguments.labels + sample);
  for (std::uint32_t n = blockIdx.y; n < arguments.networks; n += gridDim.y) {
    const std::size_t unit = std::size_t{n} * arguments.outputs;
    const bool right =
        inside && arg_max(arguments.activations + unit * arguments.activation_stride + i,
                          arguments.outputs, arguments.activation_stride) == label;
    const unsigned word = __ballot_sync(all_lanes, right);
    if (inside && threadIdx.x % warp_lanes == 0)
      arguments
          .right[std::size_t{n} * arguments.right_stride + arguments.first_word + i / warp_lanes] =
          word;
  }
}

}  // namespace gridrun::cuda
