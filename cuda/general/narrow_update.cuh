// Device: the update of a unit's weights in 32 bits, without random numbers and branches. Paragraph
// 5.6 of docs/arithmetic.md.
#pragma once

#include "general/products.cuh"
#include "general/weight_update.cuh"

namespace gridrun::cuda {

/// `kBelow` and `kWraps`: with what of NarrowFitting, which otherwise does nothing.
template <class T, bool kBelow, bool kWraps>
struct NarrowUpdate {
  using Word = typename T::Word;

  const NarrowArithmetic arithmetic;
  Word* const weights;

  /// The weight that an update by P leaves.
  __device__ __forceinline__ Word operator()(Word w, std::int32_t p, std::uint32_t& abs_update,
                                             std::uint32_t& dropped) const {
    const NarrowFitting& gradient = arithmetic.gradient;
    const NarrowFitting& master = arithmetic.master;
    const std::int32_t u =
        gradient.template overflowed<kWraps>(gradient.template rounded<kBelow>(p));
    abs_update += static_cast<std::uint32_t>(u < 0 ? -u : u);
    dropped += static_cast<std::uint32_t>(u) & ((1U << master.shift) - 1);
    return static_cast<Word>(
        master.template overflowed<kWraps>(w + master.template rounded<kBelow>(u)));
  }
};

/// Updates a unit's weights of inputs `first`, first + stride, ..., some of which are loaded before
/// any is stored. What they add up to fits 32 bits.
template <class T, bool kBelow, bool kWraps>
__device__ __forceinline__ void update_unit(const NetworkBlock<T>&,
                                            const NarrowUpdate<T, kBelow, kWraps>& update,
                                            typename T::ValueTerm unit,
                                            const typename T::ValueTerm* list, std::uint32_t count,
                                            std::uint32_t first, std::uint32_t stride,
                                            StepSums<std::int32_t>& sums) {
  using Word = typename T::Word;
  Word* const weights = update.weights + unit.at;
  for (std::uint32_t i = first; i < count; i += together * stride) {
    typename T::ValueTerm input[together];
    Word w[together];
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t) input[t] = term(list, i + t * stride, count);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)  // others may be storing what is not this lane's
      w[t] = i + t * stride < count ? weights[input[t].at] : Word{0};
    std::uint32_t abs_update = 0, dropped = 0;
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      w[t] = update(w[t], unit.value * input[t].value, abs_update, dropped);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      if (i + t * stride < count) weights[input[t].at] = w[t];
    sums.abs_update += abs_update;
    sums.dropped += dropped;
  }
}

}  // namespace gridrun::cuda
