// Device: sums of products of words of up to 32 bits, by tensor cores, exactly.
//
// A word of n bytes is its last byte with its sign and n - 1 bytes without, each times a power of
// 256: a product of two words is n * n products of bytes. Tensor cores multiply bytes and add up in
// 32 bits. All products of one power have one sum, which is moved to 64 bits before it can
// overflow.
#pragma once

#include "batches/batch_types.hpp"
#include "batches/tensor_cores.cuh"

namespace gridrun::cuda {

/// The sums of a tile; each warp has 16 rows.
template <std::uint32_t kPlanes>
class ByteProducts {
 public:
  using Value = std::int32_t;
  static constexpr std::uint32_t terms = byte_terms;               // multiplied at once
  static constexpr std::uint32_t columns = tile_columns(kPlanes);  // of a tile
  static constexpr std::uint32_t buffer_bytes = kPlanes * terms * (tile_rows + columns);

  static __device__ __forceinline__ unsigned char* columns_of(unsigned char* buffer) {
    return buffer + kPlanes * terms * tile_rows;
  }

  /// Puts four successive terms of a line, which is a row or a column of kLines, into a buffer.
  template <std::uint32_t kLines>
  static __device__ __forceinline__ void store(unsigned char* buffer, std::uint32_t line,
                                               std::uint32_t four, const Value (&values)[4]) {
    auto* const words = reinterpret_cast<std::uint32_t*>(buffer) + place(line, four);
#pragma unroll
    for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
      words[plane * (kLines * fours)] = bytes_of_four(values, plane);
  }

  /// Adds the products of a buffer, of which so many rows and columns are used.
  __device__ __forceinline__ void multiply(unsigned char* buffer, std::uint32_t used_rows,
                                           std::uint32_t used_columns) {
    const std::uint32_t first_row = own_row();
    if (first_row / warp_rows * warp_rows >= used_rows) return;  // a whole warp
    const auto* const row_words = reinterpret_cast<const std::uint32_t*>(buffer);
    const auto* const column_words = reinterpret_cast<const std::uint32_t*>(columns_of(buffer));
    const std::uint32_t four = threadIdx.x % 4;
    ByteRows left[kPlanes];
#pragma unroll
    for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
#pragma unroll
      for (std::uint32_t half = 0; half < 2; ++half)
#pragma unroll
        for (std::uint32_t below = 0; below < 2; ++below)
          left[plane].word[2 * half + below] =
              row_words[plane * (tile_rows * fours) +
                        place(first_row + 8 * below, four + 4 * half)];
#pragma unroll
    for (std::uint32_t group = 0; group < groups; ++group) {
      if (group * group_columns >= used_columns) break;
      ByteColumns right[kPlanes];
#pragma unroll
      for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
#pragma unroll
        for (std::uint32_t half = 0; half < 2; ++half)
          right[plane].word[half] =
              column_words[plane * (columns * fours) +
                           place(group * group_columns + threadIdx.x % warp_lanes / 4,
                                 four + 4 * half)];
      multiply_planes(left, right, sums_[group]);
    }
    ++tiles_;
  }

  /// Whether the sums have to be moved before more products are added.
  __device__ __forceinline__ bool are_full() const { return tiles_ == most_tiles; }

  /// Calls add(row, column, sum) for every sum of this lane, and begins them anew.
  template <class Add>
  __device__ __forceinline__ void move(const Add& add) {
#pragma unroll
    for (std::uint32_t group = 0; group < groups; ++group)
#pragma unroll
      for (std::uint32_t i = 0; i < 4; ++i) {
        std::uint64_t sum = 0;
#pragma unroll
        for (std::uint32_t power = 0; power < powers; ++power) {
          sum += static_cast<std::uint64_t>(std::int64_t{sums_[group][power].of[i]}) << 8 * power;
          sums_[group][power].of[i] = 0;
        }
        add(own_row() + 8 * (i / 2), group * group_columns + threadIdx.x % 4 * 2 + i % 2,
            static_cast<std::int64_t>(sum));
      }
    tiles_ = 0;
  }

 private:
  static constexpr std::uint32_t fours = terms / 4;
  static constexpr std::uint32_t warp_rows = 16, group_columns = 8;
  static constexpr std::uint32_t groups = columns / group_columns;
  static constexpr std::uint32_t powers = 2 * kPlanes - 1;
  /// Tiles whose sums fit 32 bits: at most kPlanes products of a power, of less than 2^16.
  static constexpr std::uint32_t most_tiles = 256;
  static_assert(std::uint64_t{most_tiles} * terms * kPlanes * 255 * 255 < std::uint64_t{1} << 31);
  static_assert(tile_lanes / warp_lanes * warp_rows == tile_rows);

  /// Where four terms of a line are, in words: no two lanes that load or store together meet in a
  /// bank.
  static __device__ __forceinline__ std::uint32_t place(std::uint32_t line, std::uint32_t four) {
    return line * fours + (four ^ ((line >> 2 & 1) * 4 + (line >> 3 & 3)));
  }

  static __device__ __forceinline__ std::uint32_t own_row() {
    return threadIdx.x / warp_lanes * warp_rows + threadIdx.x % warp_lanes / 4;
  }

  static __device__ __forceinline__ void multiply_planes(const ByteRows (&left)[kPlanes],
                                                         const ByteColumns (&right)[kPlanes],
                                                         ByteSums (&sums)[powers]) {
    constexpr std::uint32_t last = kPlanes - 1;
#pragma unroll
    for (std::uint32_t l = 0; l < kPlanes; ++l)
#pragma unroll
      for (std::uint32_t r = 0; r < kPlanes; ++r) {
        if (l == last && r == last)
          add_byte_products<true, true>(sums[l + r], left[l], right[r]);
        else if (l == last)
          add_byte_products<true, false>(sums[l + r], left[l], right[r]);
        else if (r == last)
          add_byte_products<false, true>(sums[l + r], left[l], right[r]);
        else
          add_byte_products<false, false>(sums[l + r], left[l], right[r]);
      }
  }

  ByteSums sums_[groups][powers] = {};
  std::uint32_t tiles_ = 0;  // in sums_
};

}  // namespace gridrun::cuda
