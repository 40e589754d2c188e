// Device: the update of a step without batches, of all units that have errors. Paragraph 5.6 of
// docs/arithmetic.md.
#pragma once

#include "general/narrow_update.cuh"
#include "general/weight_update.cuh"

namespace gridrun::cuda {

/// Whole warps of the block's lanes for so many weights, at least one lane a unit.
template <class T>
__device__ __forceinline__ std::uint32_t lanes_for(const NetworkBlock<T>& block,
                                                   std::uint64_t weights, std::uint32_t units) {
  const std::uint64_t busy = weights / together > units ? weights / together : units;
  if (busy >= block.lanes) return block.lanes;
  return (static_cast<std::uint32_t>(busy) + warp_lanes - 1) / warp_lanes * warp_lanes;
}

/// Updates the weights of all units that have errors; several lanes share the inputs of a unit.
/// `update`: a WeightUpdate or a NarrowUpdate.
template <class T, class Update, typename Number>
__device__ __forceinline__ void update_units(const NetworkBlock<T>& block, std::uint32_t layer,
                                             const Update& update, const LayerPlace& at,
                                             std::uint32_t errors_there, StepSums<Number>& sums) {
  const std::uint32_t inputs_there = *block.input_count(layer);
  const auto* const all = block.errors(at);
  const std::uint32_t lane = block.lane, lanes = block.lanes;
  if (errors_there > lanes) {
    for (std::uint32_t i = lane; i < errors_there; i += lanes)
      update_unit(block, update, all[i], block.inputs(at), inputs_there, 0, 1, sums);
    return;
  }
  // Where there is little to do the last lanes do it, and the others go on to the next layer.
  const std::uint32_t busy =
      lanes_for(block, std::uint64_t{errors_there} * inputs_there, errors_there);
  if (lane < lanes - busy) return;
  const std::uint32_t own = lane - (lanes - busy), inverse = division_inverse(errors_there);
  const std::uint32_t shares = divided(busy, inverse), share = divided(own, inverse);
  if (share < shares)
    update_unit(block, update, all[own - share * errors_there], block.inputs(at), inputs_there,
                share, shares, sums);
}

/// Updates a layer in 32 bits, without random numbers; plain networks without what they do not
/// need.
template <class T>
__device__ __forceinline__ void update_narrowly(const NetworkBlock<T>& block, std::uint32_t layer,
                                                const LayerPlace& at, std::uint32_t errors_there,
                                                StepSums<std::int32_t>& sums) {
  const NarrowArithmetic& narrow = block.arithmetic[layer].narrow;
  typename T::Word* const weights = block.weights + at.weights;
  const bool below = !T::plain || narrow.below, wraps = !T::plain || narrow.wraps;
  const auto update = [&](const auto& by) {
    update_units(block, layer, by, at, errors_there, sums);
  };
  if (below && wraps)
    update(NarrowUpdate<T, true, true>{narrow, weights});
  else if (below)
    update(NarrowUpdate<T, true, false>{narrow, weights});
  else if (wraps)
    update(NarrowUpdate<T, false, true>{narrow, weights});
  else
    update(NarrowUpdate<T, false, false>{narrow, weights});
}

/// Updates a layer by the errors that it has listed.
template <class T>
__device__ __forceinline__ void update_layer(const NetworkBlock<T>& block, std::uint32_t layer,
                                             std::uint32_t step) {
  const LayerPlace& at = block.place(layer);
  const std::uint32_t errors_there = *block.error_count(layer);
  if (errors_there == 0) return;
  if constexpr (sizeof(typename T::Value) == 4 && !T::counts) {
    if (T::plain || block.arithmetic[layer].updates_in_32_bits) {
      StepSums<std::int32_t> sums;
      if (block.rounds_weights_at_random())
        update_units(block, layer, update_of(block, layer, at, step), at, errors_there, sums);
      else
        update_narrowly(block, layer, at, errors_there, sums);
      if (block.arguments.shared_sums) {
        LaneSums& all = block.lane_sums(layer);
        all = {all.abs_update + sums.abs_update, all.dropped + sums.dropped};
      } else {
        block.add_to_sums(layer, sums.abs_update, sums.dropped);
      }
      return;
    }
  }
  if constexpr (!T::plain) {
    StepSums<std::int64_t> sums;
    update_units(block, layer, update_of(block, layer, at, step), at, errors_there, sums);
    block.add_to_sums(layer, sums.abs_update, sums.dropped);
  }
}

}  // namespace gridrun::cuda
