// Device: sums of the products of a list's terms with weights.
#pragma once

#include "general/fitting.cuh"
#include "general/network_block.cuh"

namespace gridrun::cuda {

/// Values of neighbouring units or inputs, read at once.
template <typename Value, std::uint32_t kCount>
struct alignas(sizeof(Value) * kCount) Neighbours {
  Value of[kCount];
};

/// Terms that a lane reads at once, so that it waits for memory once for all.
inline constexpr std::uint32_t together = 4;

/// The ith term of a list, or beyond its end one that is 0, of the first weight.
template <typename Value>
__device__ __forceinline__ Term<Value> term(const Term<Value>* list, std::uint32_t i,
                                            std::uint32_t count) {
  return i < count ? list[i] : Term<Value>{0, 0};
}

/// A weight as products use it.
template <bool kCopies, class T>
__device__ __forceinline__ typename T::Value product_weight(const NetworkBlock<T>& block,
                                                            typename T::Word w) {
  using Value = typename T::Value;
  if constexpr (!kCopies) return w;
  const Fitting& copy = block.network.copy;
  if (copy.shift <= 0)
    return static_cast<Value>(overflowed_left_shift(w, -copy.shift, copy.bits, copy.overflow));
  return static_cast<Value>(
      overflowed<std::int64_t>(rounded_shift<std::int64_t>(w, copy.shift, copy.rounding, 0), copy));
}

/// The sums, of `kWidth` neighbouring units, of the products of terms `first`, first + stride, ...
/// of a list with the weights that they are at.
template <bool kCopies, std::uint32_t kWidth, class T>
__device__ __forceinline__ Neighbours<std::int64_t, kWidth> product_sums(
    const NetworkBlock<T>& block, const typename T::ValueTerm* list, std::uint32_t count,
    const typename T::Word* weights, std::uint32_t first, std::uint32_t stride) {
  using Row = Neighbours<typename T::Word, kWidth>;
  Neighbours<std::int64_t, kWidth> sums{};
  for (std::uint32_t i = first; i < count; i += together * stride) {
    typename T::ValueTerm terms[together];
    Row rows[together];
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t) terms[t] = term(list, i + t * stride, count);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      rows[t] = *reinterpret_cast<const Row*>(weights + terms[t].at);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
#pragma unroll
      for (std::uint32_t n = 0; n < kWidth; ++n)
        sums.of[n] = wrapping_add(
            sums.of[n], product(product_weight<kCopies>(block, rows[t].of[n]), terms[t].value));
  }
  return sums;
}

/// A whole sum in the accumulator's format.
template <class T>
__device__ __forceinline__ std::int64_t accumulated(const NetworkBlock<T>& block,
                                                    std::uint32_t layer, std::int64_t sum) {
  const Fitting& into = block.network.accumulator;
  if constexpr (T::counts)
    count_value(*block.counts_of(layer, Tensor::accumulator), sum,
                Format{into.bits, 0, Round::floor, into.overflow, 32});
  return overflowed<std::int64_t>(sum, into);
}

}  // namespace gridrun::cuda
