// Device: what the lanes of a warp counted, added to their network's. Every lane of the warp calls
// it together. Sums and bits do not depend on the order of warps.
#pragma once

#include "general/weight_update.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// The sum over a warp of 128-bit values, modulo 2^128.
__device__ __forceinline__ WideSum warp_sum(WideSum value) {
  if constexpr (has_warp_sum) {
    return sum_of_pieces(value);
  } else {
    WideSum sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) sum += WideSum{team_sum_of_limb<warp_lanes>(value, i)} << 32 * i;
    return sum;
  }
}

/// A lane adds one sum, another the other, so that neither waits.
__device__ __forceinline__ void add_to_network(LayerSums& all, const StepSums<std::int64_t>& own) {
  const WideSum abs_update = warp_sum(own.abs_update), dropped = warp_sum(own.dropped);
  const std::uint32_t lane = threadIdx.x % warp_lanes;
  if (lane < 2)
    atomic_add_wide(lane == 0 ? &all.abs_update : &all.dropped, lane == 0 ? abs_update : dropped);
}

/// Inactive samples are not counted here.
__device__ __forceinline__ void add_to_network(LayerDiagnostics& all, const LayerDiagnostics& own) {
  const bool is_first = threadIdx.x % warp_lanes == 0;
#pragma unroll 1
  for (std::size_t i = 0; i < tensor_count; ++i) {
    const std::uint64_t overflowed = team_sum<warp_lanes>(own.tensor[i].overflowed);
    int bits = own.tensor[i].bits;
    for (int step = 1; step < warp_lanes; step *= 2)
      bits = max(bits, __shfl_xor_sync(all_lanes, bits, step));
    if (!is_first) continue;
    atomic_add(&all.tensor[i].overflowed, overflowed);
    atomicMax(&all.tensor[i].bits, bits);
  }
  const std::uint64_t updates = team_sum<warp_lanes>(own.updates);
  const std::uint64_t lost = team_sum<warp_lanes>(own.lost);
  const WideSum step = warp_sum(static_cast<WideSum>(own.step));
  const WideSum product = warp_sum(static_cast<WideSum>(own.product));
  if (!is_first) return;
  atomic_add(&all.updates, updates);
  atomic_add(&all.lost, lost);
  atomic_add_wide(&all.step, step);
  atomic_add_wide(&all.product, product);
}

}  // namespace gridrun::cuda
