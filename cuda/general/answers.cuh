// Device: which output a network answers with, and whether that was right. The last warp of a block
// does it.
#pragma once

#include "general/network_block.cuh"

namespace gridrun::cuda {

/// The first output that is largest as binary64, which holds words of 32 bits as they are; for the
/// lanes of the last warp.
template <class T>
__device__ __forceinline__ std::uint32_t arg_max(const NetworkBlock<T>& block) {
  using Number = std::conditional_t<sizeof(typename T::Value) == 4, std::int32_t, double>;
  const LayerPlace& at = block.place(block.arguments.layers - 1);
  std::uint32_t best = at.units;
  Number largest = 0;
  const auto look_at = [&](std::uint32_t j, Number a) {
    if (best == at.units || a > largest || (a == largest && j < best)) {
      largest = a;
      best = j;
    }
  };
  for (std::uint32_t j = block.lane % warp_lanes; j < at.units; j += warp_lanes)
    look_at(j, static_cast<Number>(block.vectors[at.activations + j]));
  for (int step = 1; step < warp_lanes; step *= 2) {
    const Number a = __shfl_xor_sync(all_lanes, largest, step);
    const std::uint32_t j = __shfl_xor_sync(all_lanes, best, step);
    if (j != at.units) look_at(j, a);
  }
  return best;
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
