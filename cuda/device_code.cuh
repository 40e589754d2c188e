// Device: the few things that nvcc and the emulation of the tests spell differently.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include <algorithm>

#include "cuda_emulation.hpp"
#endif

#include <type_traits>

#include "train_types.hpp"

namespace gridrun::cuda {

inline constexpr unsigned all_lanes = 0xffffffffU;

/// Whether a warp sums 32-bit words in hardware (compute capability 8.0 and later).
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
inline constexpr bool has_warp_sum = false;
#else
inline constexpr bool has_warp_sum = true;
#endif

#ifdef __CUDACC__
/// The block's dynamic shared memory.
__device__ inline void* dynamic_shared_memory() {
  extern __shared__ __align__(16) unsigned char bytes[];
  return bytes;
}
#else
using emulation::dynamic_shared_memory;
#endif

/// Loads what no kernel writes while this one runs, through the read-only path, 16 bytes at a time,
/// or 8 or 4 where that is all.
template <typename T>
__device__ __forceinline__ T read_only(const T* from) {
#ifdef __CUDA_ARCH__
  using Part = std::conditional_t<sizeof(T) % 16 == 0, int4,
                                  std::conditional_t<sizeof(T) % 8 == 0, int2, int>>;
  static_assert(sizeof(T) % sizeof(Part) == 0 && alignof(T) % alignof(Part) == 0);
  union {
    Part part[sizeof(T) / sizeof(Part)];
    T whole;
  } loaded;
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(T) / sizeof(Part)); ++i)
    loaded.part[i] = __ldg(reinterpret_cast<const Part*>(from) + i);
  return loaded.whole;
#else
  return *from;
#endif
}

/// The sum of the warp's 32-bit values, by hardware; not to be called without has_warp_sum.
__device__ __forceinline__ std::uint32_t hardware_sum(std::uint32_t value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  return value;
#else
  return __reduce_add_sync(all_lanes, value);
#endif
}

/// The product of two words, wrapping to 64 bits. Spelled out for 32-bit words, because the
/// compiler widens a factor that it keeps and then multiplies 64 by 64 bits.
__device__ __forceinline__ std::int64_t product(std::int32_t a, std::int32_t b) {
#ifdef __CUDA_ARCH__
  std::int64_t wide;
  asm("mul.wide.s32 %0, %1, %2;" : "=l"(wide) : "r"(a), "r"(b));
  return wide;
#else
  return wrapping_multiply(a, b);
#endif
}

__device__ __forceinline__ std::int64_t product(std::int64_t a, std::int64_t b) {
  return wrapping_multiply(a, b);
}

/// Products and sums of binary64, each rounded: the compiler does not fuse them.
__device__ __forceinline__ double multiplied(double a, double b) {
#ifdef __CUDA_ARCH__
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}
__device__ __forceinline__ double added(double a, double b) {
#ifdef __CUDA_ARCH__
  return __dadd_rn(a, b);
#else
  return a + b;
#endif
}

/// Adds to a sum in global memory, modulo 2^64, as other lanes do.
__device__ __forceinline__ void atomic_add(std::uint64_t* sum, std::uint64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(sum), static_cast<unsigned long long>(value));
}

/// The same with the bits of both, and with the larger one.
__device__ __forceinline__ void atomic_or(std::uint64_t* bits, std::uint64_t value) {
  atomicOr(reinterpret_cast<unsigned long long*>(bits), static_cast<unsigned long long>(value));
}

__device__ __forceinline__ void atomic_max(std::uint64_t* largest, std::uint64_t value) {
  atomicMax(reinterpret_cast<unsigned long long*>(largest), static_cast<unsigned long long>(value));
}

/// Adds to a 128-bit sum, modulo 2^128. Other lanes may add to it, and none may read it meanwhile.
template <typename Wide>
__device__ __forceinline__ void atomic_add_wide(Wide* sum, WideSum value) {
  static_assert(sizeof(Wide) == sizeof(WideSum));
#ifdef __CUDACC__
  auto* const halves = reinterpret_cast<unsigned long long*>(sum);
  const auto low = static_cast<unsigned long long>(value);
  auto high = static_cast<unsigned long long>(value >> 64);
  if (low != 0) high += atomicAdd(halves, low) + low < low;  // the carry of this very addition
  if (high != 0) atomicAdd(halves + 1, high);
#else
  *sum = static_cast<Wide>(static_cast<WideSum>(*sum) + value);
#endif
}

/// -value, modulo 2^32.
__device__ __forceinline__ std::int32_t negated(std::int32_t value) {
  return static_cast<std::int32_t>(0U - static_cast<std::uint32_t>(value));
}

/// |value|; 2^31 for the least value.
__device__ __forceinline__ std::uint32_t absolute(std::int32_t value) {
#ifdef __CUDA_ARCH__
  std::uint32_t result;
  asm("abs.s32 %0, %1;" : "=r"(result) : "r"(value));
  return result;
#else
  return static_cast<std::uint32_t>(magnitude(value));
#endif
}

/// The same value, without the compiler knowing: what is made of it is made again, rather than kept
/// in a register.
template <typename Word>
__device__ __forceinline__ Word anew(Word value) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(Word) == 4) asm volatile("" : "+r"(value));
#endif
  return value;
}

#ifndef __CUDACC__
using std::max;
using std::min;
#endif

/// What is copied at once.
struct alignas(16) Piece {
  std::uint64_t half[2];
};

/// Begins to copy 16 bytes from global memory, that no kernel writes while this one runs, to shared
/// memory.
__device__ __forceinline__ void begin_copy(void* to, const void* from) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(to))),
               "l"(from)
               : "memory");
#else
  *static_cast<Piece*>(to) = *static_cast<const Piece*>(from);
#endif
}

/// Waits for the copies that this lane began.
__device__ __forceinline__ void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace gridrun::cuda
