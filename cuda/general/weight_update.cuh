// Device: the update of one weight, in any arithmetic. Paragraph 5.6 of docs/arithmetic.md.
#pragma once

#include "general/fitting.cuh"

namespace gridrun::cuda {

/// What updates of a lane add up to in a step.
template <typename Number>
struct StepSums {
  using Sum = std::conditional_t<sizeof(Number) == 4, std::uint64_t, WideSum>;
  Sum abs_update = 0, dropped = 0;
};

/// What the update of a network's layer needs, where no store can reach it.
template <typename Word>
struct WeightUpdate {
  const Fitting gradient, step, master;
  const std::uint32_t layer, batch, seed;
  Word* const weights;             // of the layer
  const Fitting* const copy;       // of w, or null where products use w itself
  LayerDiagnostics* const counts;  // null where nothing is counted

  __device__ __forceinline__ WeightUpdate(const DeviceNetwork& network,
                                          const LayerArithmetic& arithmetic, std::uint32_t of_layer,
                                          std::uint32_t number_of_batch, Word* weights_of_layer,
                                          LayerDiagnostics* counts_of_layer)
      : gradient(arithmetic.gradient),
        step(network.step),
        master(network.master),
        layer(of_layer),
        batch(number_of_batch),
        seed(network.rounding_seed),
        weights(weights_of_layer),
        copy(network.has_copies ? &network.copy : nullptr),
        counts(counts_of_layer) {}
};

/// The random words of updates that were drawn last, of gradients and of masters.
struct LastUpdateDrawn {
  LastDrawn gradient, master;
};

/// The weight that an update of w by P, which is not 0, leaves. In 32 bits everything fits, and all
/// shifts are to the right. `last`: see ElementDraw.
template <bool kCounts, typename Word, typename Number>
__device__ __forceinline__ Word updated_weight(const WeightUpdate<Word>& update, Word w,
                                               std::uint64_t element, Number p,
                                               StepSums<Number>& sums,
                                               LastUpdateDrawn* last = nullptr) {
  const auto draw = [&](Drawn tensor, LastDrawn* of_tensor) -> ElementDraw {
    return {update.seed, tensor, update.layer, update.batch, element, false, of_tensor};
  };
  const auto counts_of = [&](Tensor tensor) {
    return kCounts ? &update.counts->of(tensor) : nullptr;
  };
  const Number u = fitted<kCounts, true, Number>(
      p, update.gradient, draw(Drawn::gradient, last ? &last->gradient : nullptr),
      counts_of(Tensor::gradient));
  using Unsigned = std::make_unsigned_t<Number>;
  sums.abs_update += u < 0 ? Unsigned{0} - static_cast<Unsigned>(u) : static_cast<Unsigned>(u);
  Number step;
  if (sizeof(Number) == sizeof(std::int64_t) && update.step.shift <= 0) {
    step = static_cast<Number>(left_shift(u, -update.step.shift));
  } else {
    sums.dropped += static_cast<Unsigned>(u) & ((Unsigned{1} << update.step.shift) - 1);
    step =
        rounded<true, Number>(u, update.step, draw(Drawn::master, last ? &last->master : nullptr));
  }
  const auto moved = static_cast<Number>(static_cast<Unsigned>(w) + static_cast<Unsigned>(step));
  const Number updated = overflowed<Number>(moved, update.master);
  if constexpr (kCounts) {
    LayerDiagnostics& counts = *update.counts;
    counts.updates += u != 0;
    counts.lost += u != 0 && step == 0;
    counts.step += step;
    counts.product += p;
    count_value(*counts_of(Tensor::master), moved,
                Format{update.master.bits, 0, Round::floor, update.master.overflow, 32});
    if (update.copy != nullptr && u != 0)
      fitted<true, true, std::int64_t>(updated, *update.copy, {}, counts_of(Tensor::weight));
  }
  return static_cast<Word>(updated);
}

}  // namespace gridrun::cuda
