// Device: the update of a batch, by the values that its samples stored. Paragraph 5.6 of
// docs/arithmetic.md.
#pragma once

#include "general/products.cuh"
#include "general/weight_update.cuh"

namespace gridrun::cuda {

/// A lane adds up the products of some rows and units over all samples.
template <std::uint32_t kWidth, class T>
__device__ __forceinline__ void update_layer_by_batch(const NetworkBlock<T>& block,
                                                      std::uint32_t layer, std::uint32_t batch,
                                                      const LayerPlace& at,
                                                      StepSums<std::int64_t>& sums) {
  using Value = typename T::Value;
  constexpr std::uint32_t rows = stored_together;  // inputs that a lane updates at once
  constexpr std::uint32_t read_together = 16 / sizeof(Value);
  const std::uint32_t groups = at.units / kWidth, row_count = block.row_length(at);
  const std::size_t stride = block.arguments.vectors.stored;
  const std::uint32_t items = (row_count + rows - 1) / rows * groups;
  for (std::uint32_t item = block.lane; item < items; item += block.lanes) {
    const std::uint32_t k = item / groups * rows, j = item % groups * kWidth;
    const Value* x = block.stored_values + at.stored_inputs + k;
    const Value* d = block.stored_values + at.stored_errors + j;
    std::int64_t p[rows][kWidth] = {};
#pragma unroll 2
    for (std::uint32_t sample = 0; sample < block.network.batch; ++sample) {
      Neighbours<Value, read_together> inputs[rows / read_together];
#pragma unroll
      for (std::uint32_t r = 0; r < rows / read_together; ++r)
        inputs[r] = reinterpret_cast<const Neighbours<Value, read_together>*>(x)[r];
      const auto errors = *reinterpret_cast<const Neighbours<Value, kWidth>*>(d);
#pragma unroll
      for (std::uint32_t r = 0; r < rows; ++r)
#pragma unroll
        for (std::uint32_t n = 0; n < kWidth; ++n)
          p[r][n] = wrapping_add(
              p[r][n], product(errors.of[n], inputs[r / read_together].of[r % read_together]));
      x += stride;
      d += stride;
    }
    // Only now that registers are free; and one update of code for all weights.
    const WeightUpdate<T> update = update_of(block, layer, at, batch);
    std::int64_t* const own = block.parts + block.lane;
#pragma unroll 1
    for (std::uint32_t r = 0; r < rows && k + r < row_count; ++r) {
#pragma unroll
      for (std::uint32_t of = 0; of < rows; ++of)
#pragma unroll
        for (std::uint32_t n = 0; n < kWidth; ++n)
          if (of == r) own[n * block.lanes] = p[of][n];
#pragma unroll 1
      for (std::uint32_t n = 0; n < kWidth; ++n)
        update_weight(block, update, std::uint64_t{k + r} * at.units + j + n, own[n * block.lanes],
                      sums);
    }
  }
}

/// Updates a layer by the samples of the batch of that number.
template <class T>
__device__ __forceinline__ void update_layer_by_batch(const NetworkBlock<T>& block,
                                                      std::uint32_t layer, std::uint32_t batch) {
  const LayerPlace& at = block.place(layer);
  StepSums<std::int64_t> sums;
  if (at.width == T::most_width)
    update_layer_by_batch<T::most_width>(block, layer, batch, at, sums);
  else
    update_layer_by_batch<1>(block, layer, batch, at, sums);
  block.add_to_sums(layer, sums.abs_update, sums.dropped);
}

}  // namespace gridrun::cuda
