// Device: the update of a step without batches where weights are rounded at random, of four
// neighbouring weights at once, which share a block of random words. Paragraphs 5.6 and 7 of
// docs/arithmetic.md.
#pragma once

#include "general/four_rests.cuh"
#include "general/narrow_update.cuh"
#include "general/neighbours.cuh"
#include "general/network_block.cuh"
#include "general/weight_update.cuh"

namespace gridrun::cuda {

/// Keeps the error of unit j for update_fours(), where its sum was: only kernels that count, which
/// have no fours, ask for that once more.
template <class T>
__device__ __forceinline__ void keep_error(const NetworkBlock<T>& block, const LayerPlace& at,
                                           std::uint32_t j, typename T::Value d) {
  if constexpr (T::has_fours) block.vectors[at.sums + j] = d;
}

/// Updates all weights of a layer, of which LayerArithmetic::least_in_fours units or more have
/// errors. `kBoth`: both roundings are at random, else one may be.
template <bool kBoth, class T>
__device__ __forceinline__ void update_fours(const NetworkBlock<T>& block, std::uint32_t layer,
                                             const LayerPlace& at, std::uint32_t step,
                                             StepSums<std::int32_t>& sums) {
  using Word = typename T::Word;
  using Weights = Neighbours<Word, 4>;
  using Errors = Neighbours<std::int64_t, 4>;
  constexpr Added added = kBoth ? Added::nothing : Added::more_below_zero;
  const LayerArithmetic& arithmetic = block.arithmetic[layer];
  // Copies of what is the same for all: after a store of weights all else would be read again.
  Word* const weights = block.weights + at.weights;
  const NarrowUpdate<Word, added> update{arithmetic.narrow, weights};
  const FourUpdateDraw<kBoth> draw(block.network, arithmetic, layer, step);
  const auto* const inputs = block.inputs(at);
  const auto* const errors = reinterpret_cast<const Errors*>(block.vectors + at.sums);
  const std::uint32_t inputs_there = *block.input_count(layer);
  // Lanes take fours in turn, row by row.
  const std::uint32_t fours = at.units / 4, inverse = division_inverse(fours);
  const std::uint32_t rows = divided(block.lanes, inverse), more = block.lanes - rows * fours;
  std::uint32_t i = divided(block.lane, inverse), four = block.lane - i * fours;
  while (i < inputs_there) {
    const typename T::ValueTerm input = inputs[i];
    const Errors d = errors[four];
    std::int32_t p[4];
#pragma unroll
    for (std::uint32_t t = 0; t < 4; ++t) p[t] = static_cast<std::int32_t>(d.of[t]) * input.value;
    if ((p[0] | p[1] | p[2] | p[3]) != 0) {
      Weights& stored = reinterpret_cast<Weights*>(weights + input.at)[four];
      Weights w = stored;
      const FourRests gradient = draw.gradient(input.at / 4 + four);
      const FourRests master = draw.master(input.at / 4 + four);
      std::uint32_t abs_update = 0, dropped = 0;
#pragma unroll
      for (std::uint32_t t = 0; t < 4; ++t)
        w.of[t] = update(w.of[t], p[t], abs_update, dropped, gradient.of[t], master.of[t]);
      stored = w;
      sums.abs_update += abs_update;
      sums.dropped += dropped;
    }
    i += rows;
    four += more;
    if (four >= fours) {
      four -= fours;
      ++i;
    }
  }
}

}  // namespace gridrun::cuda
