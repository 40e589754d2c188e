// Device: counts the layers in which no unit was active. Paragraph 8.7 of docs/arithmetic.md.
#pragma once

#include "general/network_block.cuh"

namespace gridrun::cuda {

/// Whether unit j is active, so that an error passes whole.
template <class T>
__device__ __forceinline__ bool is_active(const NetworkBlock<T>& block, Activation kind,
                                          const LayerPlace& at, std::uint32_t j) {
  if (kind == Activation::relu) return block.vectors[at.activations + j] > 0;
  return kind == Activation::linear || block.vectors[at.sums + j] > 0;
}

/// A lane looks at a layer of the sample at hand.
template <class T>
__device__ __forceinline__ void count_inactive(const NetworkBlock<T>& block, std::uint32_t layer) {
  const LayerPlace& at = block.place(layer);
  bool any = false;
  for (std::uint32_t j = 0; j < at.units && !any; ++j)
    any = is_active(block, block.arithmetic[layer].kind, at, j);
  LayerDiagnostics& counts = block.counts_of(layer);
  counts.inactive += !any;
  counts.last_inactive = any ? 0 : counts.last_inactive + 1;
}

}  // namespace gridrun::cuda
