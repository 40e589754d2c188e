// Device: what a unit makes of its sums, by docs/arithmetic.md, 5.3; and the weights that products
// use.
#pragma once

#include "general/fitting.cuh"

namespace gridrun::cuda {

/// A weight as products use it: by `copy` where those are in a format of their own (`kCopies`).
template <bool kCopies, typename Value, typename Word>
__device__ __forceinline__ Value product_weight(const Fitting& copy, Word w) {
  if constexpr (!kCopies) return w;
  if (copy.shift <= 0)
    return static_cast<Value>(overflowed_left_shift(w, -copy.shift, copy.bits, copy.overflow));
  return static_cast<Value>(
      overflowed<std::int64_t>(rounded_shift<std::int64_t>(w, copy.shift, copy.rounding, 0), copy));
}

/// A whole sum in the accumulator's format.
template <bool kCounts>
__device__ __forceinline__ std::int64_t accumulated(std::int64_t sum, const Fitting& into,
                                                    TensorDiagnostics* counts) {
  if constexpr (kCounts)
    count_value(*counts, sum, Format{into.bits, 0, Round::floor, into.overflow, 32});
  return overflowed<std::int64_t>(sum, into);
}

/// The activation of a unit by z. `kRandom`: maybe rounded at random.
template <bool kCounts, bool kRandom>
__device__ __forceinline__ std::int64_t activated(std::int64_t z, const LayerArithmetic& arithmetic,
                                                  const ElementDraw& draw,
                                                  TensorDiagnostics* counts) {
  if (arithmetic.kind == Activation::relu && z < 0) z = 0;
  const bool leaks = arithmetic.kind == Activation::leaky_relu && z <= 0;
  return fitted<kCounts, kRandom>(z, leaks ? arithmetic.leaking_activation : arithmetic.activation,
                                  draw, counts);
}

}  // namespace gridrun::cuda
