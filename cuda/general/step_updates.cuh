// Device: the update of a step without batches: one weight after the other of the units that have
// errors, or all in fours (four_updates.cuh). Paragraph 5.6 of docs/arithmetic.md.
#pragma once

#include "general/four_updates.cuh"
#include "general/narrow_update.cuh"
#include "general/products.cuh"
#include "general/weight_update.cuh"

namespace gridrun::cuda {

/// The update of a layer of the network at hand.
template <class T>
__device__ __forceinline__ WeightUpdate<typename T::Word> update_of(const NetworkBlock<T>& block,
                                                                    std::uint32_t layer,
                                                                    const LayerPlace& at,
                                                                    std::uint32_t batch) {
  LayerDiagnostics* counts = nullptr;
  if constexpr (T::counts) counts = &block.counts_of(layer);
  return {block.network, block.arithmetic[layer], layer, batch, block.weights + at.weights, counts};
}

/// Updates a unit's weights of inputs `first`, first + stride, ...
template <class T, typename Number>
__device__ __forceinline__ void update_unit(const NetworkBlock<T>&,
                                            const WeightUpdate<typename T::Word>& update,
                                            typename T::ValueTerm unit,
                                            const typename T::ValueTerm* list, std::uint32_t count,
                                            std::uint32_t first, std::uint32_t stride,
                                            StepSums<Number>& sums) {
  for (std::uint32_t i = first; i < count; i += stride) {
    const std::uint64_t element = std::uint64_t{list[i].at} + unit.at;
    const auto p = static_cast<Number>(product(unit.value, list[i].value));
    if (p == 0) continue;  // u = 0 and step = 0, in every rounding
    typename T::Word& w = update.weights[element];
    w = updated_weight<T::counts>(update, w, element, p, sums);
  }
}

/// Updates a unit's weights of inputs `first`, first + stride, ..., some of which are loaded before
/// any is stored. What they add up to fits 32 bits.
template <class T, Added kAdded, Overflows kOverflows>
__device__ __forceinline__ void update_unit(
    const NetworkBlock<T>&, const NarrowUpdate<typename T::Word, kAdded, kOverflows>& update,
    typename T::ValueTerm unit, const typename T::ValueTerm* list, std::uint32_t count,
    std::uint32_t first, std::uint32_t stride, StepSums<std::int32_t>& sums) {
  using Word = typename T::Word;
  Word* const weights = update.weights + unit.at;
  const auto* from = list + first;
  for (std::uint32_t i = first; i < count; i += together * stride, from += together * stride) {
    typename T::ValueTerm input[together];
    std::int32_t w[together];  // as they are read: shorter words would be widened for each use
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      input[t] = term_or_none(from + t * stride, i + t * stride < count);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)  // others may be storing what is not this lane's
      w[t] = i + t * stride < count ? weights[input[t].at] : 0;
    std::uint32_t abs_update = 0, dropped = 0;
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      w[t] = update(w[t], unit.value * input[t].value, abs_update, dropped);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      if (i + t * stride < count) weights[input[t].at] = static_cast<Word>(w[t]);
    sums.abs_update += abs_update;
    sums.dropped += dropped;
  }
}

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
  using Word = typename T::Word;
  Word* const weights = block.weights + at.weights;
  const auto update = [&]<Added kAdded, Overflows kOverflows>() {
    const NarrowUpdate<Word, kAdded, kOverflows> by{narrow, weights};
    update_units(block, layer, by, at, errors_there, sums);
  };
  const auto update_with = [&]<Added kAdded>() {
    if (narrow.overflows == Overflows::saturate)
      update.template operator()<kAdded, Overflows::saturate>();
    else
      update.template operator()<kAdded, Overflows::wrap>();
  };
  if (!T::plain || narrow.overflows == Overflows::any)
    update.template operator()<Added::more_below_zero, Overflows::any>();
  else if (narrow.added == Added::more_below_zero)
    update_with.template operator()<Added::more_below_zero>();
  else if (narrow.added == Added::constants)
    update_with.template operator()<Added::constants>();
  else
    update_with.template operator()<Added::nothing>();
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
      const AtRandom at_random = block.rounds_at_random();
      if (T::has_fours && errors_there >= block.arithmetic[layer].least_in_fours) {
        if (at_random == AtRandom::both)
          update_fours<true>(block, layer, at, step, sums);
        else
          update_fours<false>(block, layer, at, step, sums);
      } else if (at_random != AtRandom::none)
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
