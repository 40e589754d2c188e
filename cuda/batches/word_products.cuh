// Device: sums of products of words of 64 bits, which wrap.
#pragma once

#include "batches/batch_types.hpp"
#include "batches/stored_four.cuh"
#include "device_code.cuh"
#include "general/neighbours.cuh"

namespace gridrun::cuda {

/// The sums of a tile; each lane has 4 rows by 4 columns.
class WordProducts {
 public:
  using Value = std::int64_t;
  static constexpr std::uint32_t terms = 16;                 // multiplied at once
  static constexpr std::uint32_t columns = tile_columns(0);  // of a tile
  static constexpr std::uint32_t buffer_bytes = sizeof(Value) * terms * (tile_rows + columns);

  static __device__ __forceinline__ unsigned char* columns_of(unsigned char* buffer) {
    return buffer + sizeof(Value) * terms * tile_rows;
  }

  /// Puts four successive terms of a line, which is a row or a column of kLines, into a buffer.
  template <std::uint32_t kLines>
  static __device__ __forceinline__ void store(unsigned char* buffer, std::uint32_t line,
                                               std::uint32_t four,
                                               const StoredFour<Value>& values) {
#pragma unroll
    for (std::uint32_t t = 0; t < 4; ++t)
      reinterpret_cast<Value*>(buffer)[(4 * four + t) * kLines + line] = values.wide(t);
  }

  /// The same of four neighbouring lines, [term][line].
  template <std::uint32_t kLines>
  static __device__ __forceinline__ void store(unsigned char* buffer, std::uint32_t line,
                                               std::uint32_t four,
                                               const StoredFour<Value> (&values)[4]) {
#pragma unroll
    for (std::uint32_t t = 0; t < 4; ++t)
      *reinterpret_cast<Neighbours<Value, 4>*>(reinterpret_cast<Value*>(buffer) +
                                               (4 * four + t) * kLines + line) = {
          {values[t].wide(0), values[t].wide(1), values[t].wide(2), values[t].wide(3)}};
  }

  /// Adds the products of a buffer.
  __device__ __forceinline__ void multiply(unsigned char* buffer, std::uint32_t, std::uint32_t) {
    const auto* const rows = reinterpret_cast<const Value*>(buffer) + own_row();
    const auto* const column_words =
        reinterpret_cast<const Value*>(columns_of(buffer)) + own_column();
#pragma unroll 4
    for (std::uint32_t term = 0; term < terms; ++term) {
      Value left[own], right[own];
#pragma unroll
      for (std::uint32_t i = 0; i < own; ++i) {
        left[i] = rows[term * tile_rows + i * row_stride];
        right[i] = column_words[term * columns + i * column_stride];
      }
#pragma unroll
      for (std::uint32_t i = 0; i < own; ++i)
#pragma unroll
        for (std::uint32_t j = 0; j < own; ++j)
          sums_[i][j] = wrapping_add(sums_[i][j], wrapping_multiply(left[i], right[j]));
    }
  }

  /// Whether the sums have to be moved before more products are added: they wrap.
  __device__ static constexpr bool are_full() { return false; }

  /// Calls add(row, column, sum) for every sum of this lane, at the end.
  template <class Add>
  __device__ __forceinline__ void move(const Add& add) const {
#pragma unroll
    for (std::uint32_t i = 0; i < own; ++i)
#pragma unroll
      for (std::uint32_t j = 0; j < own; ++j)
        add(own_row() + i * row_stride, own_column() + j * column_stride, sums_[i][j]);
  }

 private:
  static constexpr std::uint32_t own = 4;
  static constexpr std::uint32_t row_stride = tile_rows / own;
  static constexpr std::uint32_t column_stride = columns / own;
  static_assert(row_stride * column_stride == tile_lanes);

  static __device__ __forceinline__ std::uint32_t own_row() { return threadIdx.x % row_stride; }
  static __device__ __forceinline__ std::uint32_t own_column() { return threadIdx.x / row_stride; }

  Value sums_[own][own] = {};
};

}  // namespace gridrun::cuda
