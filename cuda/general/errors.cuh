// Device: the way back, the errors of units. Paragraph 5.5 of docs/arithmetic.md.
#pragma once

#include "general/four_updates.cuh"
#include "general/products.cuh"
#include "general/samples_ahead.cuh"

namespace gridrun::cuda {

/// The error of unit j. `leaks`: an error passes it as leaky_relu passes those of z <= 0.
template <class T>
__device__ __forceinline__ typename T::Value error(const NetworkBlock<T>& block,
                                                   std::uint32_t layer, std::uint32_t j,
                                                   std::int64_t e, bool leaks, std::uint32_t step) {
  const LayerArithmetic& arithmetic = block.arithmetic[layer];
  return static_cast<typename T::Value>(
      fitted<T::counts, !T::plain>(e, leaks ? arithmetic.leaking_error : arithmetic.error,
                                   {block.network.rounding_seed, Drawn::error, layer, step, j},
                                   block.counts_of(layer, Tensor::error)));
}

/// Lists and keeps the errors of a layer that is not the last. Some lanes add up the products of a
/// row of the layer above with the errors there.
template <class T>
__device__ __forceinline__ void hidden_errors(const NetworkBlock<T>& block, std::uint32_t layer,
                                              const StepSample<T>& sample) {
  using Value = typename T::Value;
  const LayerPlace& at = block.place(layer);
  const LayerPlace& above = block.place(layer + 1);
  const auto* const list = block.errors(above);
  const std::uint32_t count = *block.error_count(layer + 1);
  const std::uint32_t lane = block.lane, lanes = block.lanes;
  const Activation kind = block.arithmetic[layer].kind;
  // A team adds up a row. In global memory a row's neighbouring units are read together; in
  // shared memory any are.
  int team_log2 = 0;
  while ((1U << team_log2) < count && team_log2 < 5 &&
         (!T::shared_weights || (at.units << (team_log2 + 1)) <= lanes))
    ++team_log2;
  const std::uint32_t team = 1U << team_log2, in_team = lane & (team - 1);
  for (std::uint32_t first = 0; first < at.units; first += lanes >> team_log2) {
    const std::uint32_t k = first + (lane >> team_log2);
    const bool sums =
        k < at.units && (kind != Activation::relu || block.vectors[at.activations + k] > 0);
    const bool is_own = in_team == 0;
    if (__ballot_sync(all_lanes, sums) == 0) {
      if (is_own && k < at.units) keep_error(block, at, k, 0);
      continue;
    }
    std::int64_t e = 0;
    if (sums) {
      const auto* const row = block.weights + above.weights + std::size_t{k} * above.units;
      e = block.has_copies() ? product_sums<true, 1>(block, list, count, row, in_team, team).of[0]
                             : product_sums<false, 1>(block, list, count, row, in_team, team).of[0];
    }
    for (std::uint32_t other = 1; other < team; other *= 2)
      e = wrapping_add(e, __shfl_xor_sync(all_lanes, e, static_cast<int>(other)));
    Value d = 0;
    if (sums && is_own)
      d = error(block, layer, k, accumulated(block, layer, e),
                kind == Activation::leaky_relu && block.vectors[at.sums + k] <= 0, sample.step);
    block.append(block.errors(at), block.error_count(layer), k, d);
    if (is_own && k < at.units) keep_error(block, at, k, d);
  }
  __syncthreads();
}

}  // namespace gridrun::cuda
