// Device: sums of the products of a list's terms with weights.
#pragma once

#include "general/neighbours.cuh"
#include "general/network_block.cuh"
#include "general/unit_arithmetic.cuh"

namespace gridrun::cuda {

/// Terms that a lane reads at once, so that it waits for memory once for all.
inline constexpr std::uint32_t together = 4;

/// A term of a list, or where it has no such one that is 0, of the first weight.
template <typename Value>
__device__ __forceinline__ Term<Value> term_or_none(const Term<Value>* at, bool is_there) {
  return is_there ? *at : Term<Value>{0, 0};
}

/// The sums, of `kWidth` neighbouring units, of the products of terms `first`, first + stride, ...
/// of a list with the weights that they are at.
template <bool kCopies, std::uint32_t kWidth, class T>
__device__ __forceinline__ Neighbours<std::int64_t, kWidth> product_sums(
    const NetworkBlock<T>& block, const typename T::ValueTerm* list, std::uint32_t count,
    const typename T::Word* weights, std::uint32_t first, std::uint32_t stride) {
  using Value = typename T::Value;
  using Row = Neighbours<typename T::Word, kWidth>;
  Neighbours<std::int64_t, kWidth> sums{};
  const auto* from = list + first;
  for (std::uint32_t i = first; i < count; i += together * stride, from += together * stride) {
    typename T::ValueTerm terms[together];
    Row rows[together];
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      terms[t] = term_or_none(from + t * stride, i + t * stride < count);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
      rows[t] = *reinterpret_cast<const Row*>(weights + terms[t].at);
#pragma unroll
    for (std::uint32_t t = 0; t < together; ++t)
#pragma unroll
      for (std::uint32_t n = 0; n < kWidth; ++n)
        sums.of[n] = wrapping_add(
            sums.of[n], product(product_weight<kCopies, Value>(block.network.copy, rows[t].of[n]),
                                terms[t].value));
  }
  return sums;
}

/// A whole sum in the accumulator's format.
template <class T>
__device__ __forceinline__ std::int64_t accumulated(const NetworkBlock<T>& block,
                                                    std::uint32_t layer, std::int64_t sum) {
  return accumulated<T::counts>(sum, block.network.accumulator,
                                block.counts_of(layer, Tensor::accumulator));
}

}  // namespace gridrun::cuda
