// A small emulation of CUDA's execution model, so that a kernel's own source runs on the processor:
// blocks one after another, each thread a fiber. A thread runs until it meets others, in a barrier
// or a warp's collective; whoever can run next is drawn from a seed, so that a result which depends
// on the order of threads does not stay the same over seeds. What CUDA leaves undefined is an
// Error: threads of one collective at different places or with different masks, a barrier or a
// collective that a thread never reaches, a shuffle from a lane that takes no part. Shared memory
// and fresh device memory hold poison. Not emulated: memory ordering, timing, more than one block
// at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <type_traits>

#include "call_place.hpp"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
};

extern dim3 threadIdx;
extern dim3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

namespace emulation {

/// A kernel did what CUDA leaves undefined.
struct Error : std::logic_error {
  using std::logic_error::logic_error;
};

inline constexpr unsigned char poison = 0xCB;
inline constexpr unsigned lanes_of_warp = 32;

/// Runs `kernel` for every thread of a grid of blocks, one-dimensional blocks of whole warps.
/// Throws what a thread throws first.
void launch(dim3 grid, unsigned block_lanes, std::size_t shared_bytes, std::uint64_t seed,
            const std::function<void()>& kernel);

/// The dynamic shared memory of the block at hand.
void* dynamic_shared_memory();

/// Waits until every thread of the block has come.
void block_barrier(const CallPlace& where);

enum class Collective : std::uint8_t { sync, shuffle, ballot, add, multiply };

/// What a lane brings to a product of matrices of bytes, laid out as in tensor_cores.cuh.
struct ByteFactors {
  std::int32_t* sums;          // [4], which the products are added to
  const std::uint32_t* left;   // [4]
  const std::uint32_t* right;  // [2]
  bool left_signed, right_signed;
};

/// What a lane brings to a collective, and takes away from it. A product's value is the address of
/// its ByteFactors.
struct Operand {
  Collective kind;
  std::uint8_t bytes;        // of the value
  std::uint8_t source_lane;  // of a shuffle
  std::uint64_t value;
};

/// Meets the lanes of `mask`, of the thread's own warp.
std::uint64_t meet(unsigned mask, const Operand& operand, const CallPlace& where);

unsigned lane_of_thread();

template <typename T>
T shuffle_from(unsigned mask, T value, unsigned source_lane, const CallPlace& where) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = meet(mask, {Collective::shuffle, sizeof(T), static_cast<std::uint8_t>(source_lane), bits},
              where);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <bool kLeftSigned, bool kRightSigned>
void add_byte_products(std::int32_t (&sums)[4], const std::uint32_t (&left)[4],
                       const std::uint32_t (&right)[2],
                       const CallPlace& where = CallPlace::current()) {
  const ByteFactors factors{sums, left, right, kLeftSigned, kRightSigned};
  meet(~0U, {Collective::multiply, 8, 0, reinterpret_cast<std::uintptr_t>(&factors)}, where);
}

}  // namespace emulation

inline void __syncthreads(const emulation::CallPlace& where = emulation::CallPlace::current()) {
  emulation::block_barrier(where);
}

inline void __syncwarp(unsigned mask = ~0U,
                       const emulation::CallPlace& where = emulation::CallPlace::current()) {
  emulation::meet(mask, {emulation::Collective::sync, 0, 0, 0}, where);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              const emulation::CallPlace& where = emulation::CallPlace::current()) {
  const unsigned lane = emulation::lane_of_thread();
  const unsigned segment = lane / static_cast<unsigned>(width) * static_cast<unsigned>(width);
  return emulation::shuffle_from(
      mask, value, segment + static_cast<unsigned>(source) % static_cast<unsigned>(width), where);
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  const emulation::CallPlace& where = emulation::CallPlace::current()) {
  const unsigned lane = emulation::lane_of_thread();
  const unsigned source = lane ^ static_cast<unsigned>(lane_mask);
  const bool within = source / static_cast<unsigned>(width) <= lane / static_cast<unsigned>(width);
  return emulation::shuffle_from(mask, value, within ? source : lane, where);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const emulation::CallPlace& where = emulation::CallPlace::current()) {
  const unsigned lane = emulation::lane_of_thread();
  const bool within = lane % static_cast<unsigned>(width) + delta < static_cast<unsigned>(width);
  return emulation::shuffle_from(mask, value, within ? lane + delta : lane, where);
}

inline unsigned __ballot_sync(unsigned mask, bool predicate,
                              const emulation::CallPlace& where = emulation::CallPlace::current()) {
  return static_cast<unsigned>(
      emulation::meet(mask, {emulation::Collective::ballot, 0, 0, predicate}, where));
}

inline bool __any_sync(unsigned mask, bool predicate,
                       const emulation::CallPlace& where = emulation::CallPlace::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}

inline bool __all_sync(unsigned mask, bool predicate,
                       const emulation::CallPlace& where = emulation::CallPlace::current()) {
  return __ballot_sync(mask, predicate, where) == mask;
}

inline unsigned __reduce_add_sync(
    unsigned mask, unsigned value,
    const emulation::CallPlace& where = emulation::CallPlace::current()) {
  return static_cast<unsigned>(
      emulation::meet(mask, {emulation::Collective::add, 4, 0, value}, where));
}

/// A clock that shows anything, the same in every run.
inline long long clock64() {
  static std::uint64_t state = 1;
  state = state * 6364136223846793005U + 1442695040888963407U;
  return static_cast<long long>(state >> 1);
}

inline int __popc(unsigned bits) { return std::popcount(bits); }

inline int __clz(int bits) { return std::countl_zero(static_cast<unsigned>(bits)); }

/// Four of the bytes of `low` and `high`, as four digits of `selector` number them from 0 to 7.
inline std::uint32_t __byte_perm(std::uint32_t low, std::uint32_t high, std::uint32_t selector) {
  const std::uint64_t both = std::uint64_t{high} << 32 | low;
  std::uint32_t bytes = 0;
  for (unsigned i = 0; i < 4; ++i)
    bytes |= static_cast<std::uint32_t>(both >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return bytes;
}

/// Threads run one at a time between their meetings.
template <typename T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  const T before = *address;
  *address = before + value;
  return before;
}

template <typename T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  const T before = *address;
  if (value > before) *address = value;
  return before;
}

template <typename T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  const T before = *address;
  *address = before | value;
  return before;
}
