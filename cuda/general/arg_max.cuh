// Device: which output a network answers with. Paragraph 5.7 of docs/arithmetic.md.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// The first of `units` outputs that is largest as binary64, which holds words of 32 bits as they
/// are; value(j) is the jth. All lanes of a warp call it together.
template <typename Value, class ValueOf>
__device__ __forceinline__ std::uint32_t warp_arg_max(std::uint32_t units, ValueOf value) {
  using Number = std::conditional_t<sizeof(Value) == 4, std::int32_t, double>;
  std::uint32_t best = units;
  Number largest = 0;
  const auto look_at = [&](std::uint32_t j, Number a) {
    if (best == units || a > largest || (a == largest && j < best)) {
      largest = a;
      best = j;
    }
  };
  for (std::uint32_t j = threadIdx.x % warp_lanes; j < units; j += warp_lanes)
    look_at(j, static_cast<Number>(value(j)));
  for (int step = 1; step < warp_lanes; step *= 2) {
    const Number a = __shfl_xor_sync(all_lanes, largest, step);
    const std::uint32_t j = __shfl_xor_sync(all_lanes, best, step);
    if (j != units) look_at(j, a);
  }
  return best;
}

}  // namespace gridrun::cuda
