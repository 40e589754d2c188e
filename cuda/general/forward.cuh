// Device: the way of a sample through the layers. Paragraph 5.3 of docs/arithmetic.md.
//
// Lanes multiply `width` units at once by their shares of the inputs that are not zero, some lanes
// add up the shares of a unit and activate it, and what is not zero goes into the next layer's list
// of inputs, or into the last one's list of errors. Barriers of the block stand between. Where
// units are few, a warp does all of it for one or two of them.
#pragma once

#include "general/errors.cuh"
#include "general/products.cuh"
#include "general/samples_ahead.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// Puts each lane's share of the sums of `kWidth` units into block.parts [share][units].
template <bool kCopies, std::uint32_t kWidth, class T>
__device__ __forceinline__ void multiply(const NetworkBlock<T>& block, std::uint32_t layer,
                                         const LayerPlace& at, std::uint32_t first,
                                         std::uint32_t units) {
  const std::uint32_t share = divided(block.lane, at.inverse);
  const std::uint32_t unit = (block.lane - share * (at.tile / kWidth)) * kWidth;
  if (share >= at.shares || unit >= units) return;
  const auto sums =
      product_sums<kCopies, kWidth>(block, block.inputs(at), *block.input_count(layer),
                                    block.weights + at.weights + first + unit, share, at.shares);
  using Sums = Neighbours<std::int64_t, kWidth>;
  *reinterpret_cast<Sums*>(block.parts + share * at.tile + unit) = sums;
}

/// Activates unit j, whose sum a warp's own lanes have, and lists what the next layer or the way
/// back needs of it. All lanes of a warp call it together.
template <class T>
__device__ __forceinline__ void take_sum(const NetworkBlock<T>& block, std::uint32_t layer,
                                         const LayerPlace& at, std::uint32_t j, std::int64_t sum,
                                         bool is_own, const StepSample<T>& sample) {
  using Value = typename T::Value;
  const LayerArithmetic& arithmetic = block.arithmetic[layer];
  const bool is_last = block.is_last(layer), has_errors = is_last && !block.arguments.judges;
  std::int64_t z = 0, a = 0;
  Value d = 0;
  if (is_own) {
    z = accumulated(block, layer, sum);
    a = activated<T::counts, !T::plain>(z, arithmetic,
                                        {block.network.rounding_seed, Drawn::activation, layer,
                                         sample.step, j, block.arguments.judges},
                                        block.counts_of(layer, Tensor::activation));
    if (has_errors && (arithmetic.kind != Activation::relu || a > 0)) {
      const std::int64_t target = j == sample.label ? block.network.target : 0;
      d = error(block, layer, j, wrapping_subtract(target, a),
                arithmetic.kind == Activation::leaky_relu && z <= 0, sample.step);
    }
    // Stored after all that is read, which then need not wait.
    block.vectors[at.sums + j] = z;
    block.vectors[at.activations + j] = a;
  }
  if (!is_last) {
    const LayerPlace& next = block.place(layer + 1);
    block.append(block.inputs(next), block.input_count(layer + 1), std::uint64_t{j} * next.units,
                 static_cast<Value>(a));
  } else if (has_errors) {
    block.append(block.errors(at), block.error_count(layer), j, d);
    if (is_own) keep_error(block, at, j, d);
  }
}

/// Adds up the shares of each unit that multiply() put into block.parts, and activates it.
template <class T>
__device__ __forceinline__ void activate(const NetworkBlock<T>& block, std::uint32_t layer,
                                         const LayerPlace& at, std::uint32_t first,
                                         std::uint32_t units, const StepSample<T>& sample) {
  const std::uint32_t lane = block.lane;
  const std::uint32_t unit_lanes = 1U << at.unit_lanes_log2, part = lane & (unit_lanes - 1);
  const std::uint32_t at_once = block.lanes >> at.unit_lanes_log2;
  for (std::uint32_t begin = 0; begin < units; begin += at_once) {
    const std::uint32_t of_tile = begin + (lane >> at.unit_lanes_log2);
    const bool is_used = of_tile < units;
    if (__ballot_sync(all_lanes, is_used) == 0) break;
    std::int64_t z = 0;
    if (is_used) {
      const std::uint32_t stride = unit_lanes * at.tile;
      const std::int64_t* from = block.parts + part * at.tile + of_tile;
      for (std::uint32_t share = part; share < at.shares;
           share += together * unit_lanes, from += together * stride) {
        std::int64_t parts[together];
#pragma unroll
        for (std::uint32_t t = 0; t < together; ++t)
          parts[t] = share + t * unit_lanes < at.shares ? from[t * stride] : 0;
#pragma unroll
        for (std::uint32_t t = 0; t < together; ++t) z = wrapping_add(z, parts[t]);
      }
    }
    for (std::uint32_t other = 1; other < unit_lanes; other *= 2)
      z = wrapping_add(z, __shfl_xor_sync(all_lanes, z, static_cast<int>(other)));
    take_sum(block, layer, at, first + of_tile, z, is_used && part == 0, sample);
  }
}

/// Multiplies and activates few units: a warp `kWidth` units, without parts.
template <bool kCopies, std::uint32_t kWidth, class T>
__device__ __forceinline__ void forward_by_warps(const NetworkBlock<T>& block, std::uint32_t layer,
                                                 const LayerPlace& at,
                                                 const StepSample<T>& sample) {
  const auto* const list = block.inputs(at);
  const std::uint32_t count = *block.input_count(layer), lane = block.lane % warp_lanes;
  const std::uint32_t first = block.lane / warp_lanes * kWidth;
  if (first >= at.units) return;  // a whole warp
  const auto* const weights = block.weights + at.weights + first;
  const auto sums = product_sums<kCopies, kWidth>(block, list, count, weights, lane, warp_lanes);
  std::uint64_t parts[kWidth];
#pragma unroll
  for (std::uint32_t n = 0; n < kWidth; ++n) parts[n] = static_cast<std::uint64_t>(sums.of[n]);
  const std::int64_t sum =
      own_sum<WideSumOfTeam, warp_lanes, kWidth>(parts, static_cast<int>(lane)).value();
  take_sum(block, layer, at, first + lane % kWidth, sum, lane < kWidth, sample);
}

/// Passes a sample through a layer, and lists the next one's bias.
template <bool kCopies, class T>
__device__ __forceinline__ void forward(const NetworkBlock<T>& block, std::uint32_t layer,
                                        const LayerPlace& at, const StepSample<T>& sample) {
  using Value = typename T::Value;
  if (block.lane == 0 && block.network.bias && !block.is_last(layer)) {
    const LayerPlace& next = block.place(layer + 1);
    const auto one = static_cast<Value>(block.arithmetic[layer + 1].one);
    block.inputs(next)[atomicAdd(block.input_count(layer + 1), 1U)] = {
        static_cast<std::make_unsigned_t<Value>>(std::uint64_t{next.inputs} * next.units), one};
  }
  if (at.by_warps) {
    if (at.width == 1)
      forward_by_warps<kCopies, 1>(block, layer, at, sample);
    else if constexpr (T::most_width > 1)
      forward_by_warps<kCopies, 2>(block, layer, at, sample);
    __syncthreads();
    return;
  }
  for (std::uint32_t first = 0; first < at.units; first += at.tile) {
    const std::uint32_t units = min(at.tile, at.units - first);
    if (at.width == T::most_width)
      multiply<kCopies, T::most_width>(block, layer, at, first, units);
    else
      multiply<kCopies, 1>(block, layer, at, first, units);
    __syncthreads();
    activate(block, layer, at, first, units, sample);
    __syncthreads();
  }
}

/// Passes a sample through all layers; finds the errors of the last layer where it is trained.
template <class T>
__device__ __forceinline__ void forward(const NetworkBlock<T>& block, const StepSample<T>& sample) {
  for (std::uint32_t layer = 0; layer < block.arguments.layers; ++layer) {
    const LayerPlace& at = block.place(layer);
    if (block.has_copies())
      forward<true>(block, layer, at, sample);
    else
      forward<false>(block, layer, at, sample);
  }
}

}  // namespace gridrun::cuda
