// Device: the update of one weight, in any arithmetic. Paragraph 5.6 of docs/arithmetic.md.
#pragma once

#include "general/fitting.cuh"
#include "general/network_block.cuh"

namespace gridrun::cuda {

/// What updates of a lane add up to in a step.
template <typename Number>
struct StepSums {
  using Sum = std::conditional_t<sizeof(Number) == 4, std::uint64_t, WideSum>;
  Sum abs_update = 0, dropped = 0;
};

/// What an update of a layer needs, where no store can reach it.
template <class T>
struct WeightUpdate {
  const Fitting gradient, step, master;
  const std::uint32_t layer, batch, seed;
  typename T::Word* const weights;
};

template <class T>
__device__ __forceinline__ WeightUpdate<T> update_of(const NetworkBlock<T>& block,
                                                     std::uint32_t layer, const LayerPlace& at,
                                                     std::uint32_t batch) {
  return {block.arithmetic[layer].gradient,
          block.network.step,
          block.network.master,
          layer,
          batch,
          block.network.rounding_seed,
          block.weights + at.weights};
}

/// Updates a weight by P. In 32 bits everything fits, and all shifts are to the right.
template <class T, typename Number>
__device__ __forceinline__ void update_weight(const NetworkBlock<T>& block,
                                              const WeightUpdate<T>& update, std::uint64_t element,
                                              Number p, StepSums<Number>& sums) {
  if (p == 0) return;  // u = 0 and step = 0, in every rounding
  const auto draw = [&](Drawn tensor) -> ElementDraw {
    return {update.seed, tensor, update.layer, update.batch, element};
  };
  const Number u = fitted<T::counts, true, Number>(p, update.gradient, draw(Drawn::gradient),
                                                   block.counts_of(update.layer, Tensor::gradient));
  using Unsigned = std::make_unsigned_t<Number>;
  sums.abs_update += u < 0 ? Unsigned{0} - static_cast<Unsigned>(u) : static_cast<Unsigned>(u);
  Number step;
  if (sizeof(Number) == sizeof(std::int64_t) && update.step.shift <= 0) {
    step = static_cast<Number>(left_shift(u, -update.step.shift));
  } else {
    sums.dropped += static_cast<Unsigned>(u) & ((Unsigned{1} << update.step.shift) - 1);
    step = rounded<true, Number>(u, update.step, draw(Drawn::master));
  }
  const auto moved = static_cast<Number>(static_cast<Unsigned>(update.weights[element]) +
                                         static_cast<Unsigned>(step));
  const Number w = overflowed<Number>(moved, update.master);
  update.weights[element] = static_cast<typename T::Word>(w);
  if constexpr (T::counts) {
    LayerDiagnostics& counts = block.counts_of(update.layer);
    counts.updates += u != 0;
    counts.lost += u != 0 && step == 0;
    counts.step += step;
    counts.product += p;
    count_value(*block.counts_of(update.layer, Tensor::master), moved,
                Format{update.master.bits, 0, Round::floor, update.master.overflow, 32});
    if (block.has_copies() && u != 0)
      fitted<true, true, std::int64_t>(w, block.network.copy, {},
                                       block.counts_of(update.layer, Tensor::weight));
  }
}

/// Updates a unit's weights of inputs `first`, first + stride, ...
template <class T, typename Number>
__device__ __forceinline__ void update_unit(const NetworkBlock<T>& block,
                                            const WeightUpdate<T>& update,
                                            typename T::ValueTerm unit,
                                            const typename T::ValueTerm* list, std::uint32_t count,
                                            std::uint32_t first, std::uint32_t stride,
                                            StepSums<Number>& sums) {
  for (std::uint32_t i = first; i < count; i += stride)
    update_weight(block, update, std::uint64_t{list[i].at} + unit.at,
                  static_cast<Number>(product(unit.value, list[i].value)), sums);
}

}  // namespace gridrun::cuda
