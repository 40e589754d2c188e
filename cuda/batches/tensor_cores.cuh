// Device: products of matrices of bytes by tensor cores. Where the words of a warp's lanes are in
// the matrices is NVIDIA's layout of mma.m16n8k32 (PTX ISA, "Matrix Fragments for mma.m16n8k32").
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// Terms of a product's sums.
inline constexpr std::uint32_t byte_terms = 32;

/// What a lane has of 16 rows of 32 bytes: with row = lane / 4 and term = 4 * (lane % 4), four
/// bytes of [row][term], [row + 8][term], [row][term + 16] and [row + 8][term + 16].
struct ByteRows {
  std::uint32_t word[4];
};

/// Of 8 columns of 32 bytes: with column = lane / 4, of [column][term] and [column][term + 16].
struct ByteColumns {
  std::uint32_t word[2];
};

/// Of 16 by 8 sums: with column = 2 * (lane % 4), of [row][column], [row][column + 1],
/// [row + 8][column] and [row + 8][column + 1].
struct ByteSums {
  std::int32_t of[4];
};

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define GRIDRUN_MULTIPLY_BYTES(left_type, right_type)                                        \
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." left_type "." right_type             \
               ".s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"        \
               : "+r"(sums.of[0]), "+r"(sums.of[1]), "+r"(sums.of[2]), "+r"(sums.of[3])      \
               : "r"(left.word[0]), "r"(left.word[1]), "r"(left.word[2]), "r"(left.word[3]), \
                 "r"(right.word[0]), "r"(right.word[1]))
#elif defined(__CUDA_ARCH__)
/// Tensor cores of compute capability 7.5 take a quarter at once: 8 rows, 16 terms.
#define GRIDRUN_MULTIPLY_QUARTER(left_type, right_type, quarter)                        \
  asm volatile("mma.sync.aligned.m8n8k16.row.col.s32." left_type "." right_type         \
               ".s32 {%0, %1}, {%2}, {%3}, {%0, %1};"                                   \
               : "+r"(sums.of[2 * (quarter % 2)]), "+r"(sums.of[2 * (quarter % 2) + 1]) \
               : "r"(left.word[quarter]), "r"(right.word[quarter / 2]))
#define GRIDRUN_MULTIPLY_BYTES(left_type, right_type) \
  GRIDRUN_MULTIPLY_QUARTER(left_type, right_type, 0); \
  GRIDRUN_MULTIPLY_QUARTER(left_type, right_type, 1); \
  GRIDRUN_MULTIPLY_QUARTER(left_type, right_type, 2); \
  GRIDRUN_MULTIPLY_QUARTER(left_type, right_type, 3)
#endif

/// Adds the products of 16 rows and 8 columns of bytes, with signs or without. Sums wrap. All lanes
/// of a warp call it together.
template <bool kLeftSigned, bool kRightSigned>
__device__ __forceinline__ void add_byte_products(ByteSums& sums, const ByteRows& left,
                                                  const ByteColumns& right) {
#ifdef __CUDA_ARCH__
  if constexpr (kLeftSigned && kRightSigned) {
    GRIDRUN_MULTIPLY_BYTES("s8", "s8");
  } else if constexpr (kLeftSigned) {
    GRIDRUN_MULTIPLY_BYTES("s8", "u8");
  } else if constexpr (kRightSigned) {
    GRIDRUN_MULTIPLY_BYTES("u8", "s8");
  } else {
    GRIDRUN_MULTIPLY_BYTES("u8", "u8");
  }
#elif !defined(__CUDACC__)
  emulation::add_byte_products<kLeftSigned, kRightSigned>(sums.of, left.word, right.word);
#endif
}

#undef GRIDRUN_MULTIPLY_BYTES
#undef GRIDRUN_MULTIPLY_QUARTER

}  // namespace gridrun::cuda
