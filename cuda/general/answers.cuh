// Device: which output a network answers with, and whether that was right. The last warp of a block
// does it.
#pragma once

#include "general/arg_max.cuh"
#include "general/network_block.cuh"

namespace gridrun::cuda {

/// The answer of the sample at hand; for the lanes of the last warp.
template <class T>
__device__ __forceinline__ std::uint32_t answer(const NetworkBlock<T>& block) {
  const LayerPlace& at = block.place(block.arguments.layers - 1);
  return warp_arg_max<typename T::Value>(
      at.units, [&](std::uint32_t j) { return block.vectors[at.activations + j]; });
}

/// The right/wrong bits of steps, 32 a word.
template <class T>
class RightBits {
 public:
  /// Notes the ith step of the launch; for the lanes of the last warp.
  __device__ __forceinline__ void note(const NetworkBlock<T>& block, std::uint32_t step,
                                       std::uint32_t i, bool is_right) {
    if (block.lane != block.lanes - warp_lanes) return;
    const NetworkArguments& arguments = block.arguments;
    std::uint32_t& word =
        arguments.right[std::size_t{block.number} * arguments.right_stride + step / 32];
    if (i == 0) bits_ = step % 32 == 0 ? 0 : word;  // a launch before began it
    if (step % 32 == 0) bits_ = 0;
    bits_ |= std::uint32_t{is_right} << step % 32;
    if (step % 32 == 31 || i + 1 == arguments.step_count) word = bits_;
  }

 private:
  std::uint32_t bits_ = 0;  // of the word at hand, in one lane
};

}  // namespace gridrun::cuda
