// Device: sums of products of words of up to 32 bits, by tensor cores, exactly.
//
// A word of n bytes is its last byte with its sign and n - 1 bytes without, each times a power of
// 256: a product of two words is n * n products of bytes. Tensor cores multiply bytes and add up in
// 32 bits. All products of one power have one sum, which is moved to 64 bits before it can
// overflow.
#pragma once

#include "batches/batch_types.hpp"
#include "batches/stored_four.cuh"
#include "batches/tensor_cores.cuh"

namespace gridrun::cuda {

/// The sums of a tile; each warp has 16 rows.
template <std::uint32_t kPlanes>
class ByteProducts {
 public:
  using Value = std::int32_t;
  static constexpr std::uint32_t terms = byte_terms;               // multiplied at once
  static constexpr std::uint32_t columns = tile_columns(kPlanes);  // of a tile
  static constexpr std::uint32_t fours = terms / 4;
  /// Words of a plane of lines: one byte of every factor.
  template <std::uint32_t kLines>
  static constexpr std::uint32_t plane_words = (kLines + 4) * fours;
  static constexpr std::uint32_t buffer_bytes =
      sizeof(std::uint32_t) * kPlanes * (plane_words<tile_rows> + plane_words<columns>);

  static __device__ __forceinline__ unsigned char* columns_of(unsigned char* buffer) {
    return buffer + sizeof(std::uint32_t) * kPlanes * plane_words<tile_rows>;
  }

  /// Puts four successive terms of a line, which is a row or a column of kLines, into a buffer.
  template <std::uint32_t kLines, typename Word>
  static __device__ __forceinline__ void store(unsigned char* buffer, std::uint32_t line,
                                               std::uint32_t four, const StoredFour<Word>& values) {
    static_assert(sizeof(Word) >= kPlanes);
    auto* const words = reinterpret_cast<std::uint32_t*>(buffer) + place<kLines>(line, four);
#pragma unroll
    for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
      words[plane * plane_words<kLines>] = bytes_of_values(values, plane);
  }

  /// The same of four neighbouring lines, [term][line].
  template <std::uint32_t kLines, typename Word>
  static __device__ __forceinline__ void store(unsigned char* buffer, std::uint32_t line,
                                               std::uint32_t four,
                                               const StoredFour<Word> (&values)[4]) {
    static_assert(sizeof(Word) >= kPlanes);
    auto* const words = reinterpret_cast<std::uint32_t*>(buffer);
#pragma unroll
    for (std::uint32_t l = 0; l < 4; ++l)
#pragma unroll
      for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
        words[plane * plane_words<kLines> + place<kLines>(line + l, four)] =
            bytes_across(values, l, plane);
  }

  /// Adds the products of a buffer, of which so many rows and columns are used.
  __device__ __forceinline__ void multiply(unsigned char* buffer, std::uint32_t used_rows,
                                           std::uint32_t used_columns) {
    const std::uint32_t first_row = own_row();
    if (first_row / warp_rows * warp_rows >= used_rows) return;  // a whole warp
    const auto* const row_words = reinterpret_cast<const std::uint32_t*>(buffer);
    const auto* const column_words = reinterpret_cast<const std::uint32_t*>(columns_of(buffer));
    const std::uint32_t four = threadIdx.x % 4;
    const std::uint32_t first_row_place = place<tile_rows>(first_row, four);
    const std::uint32_t first_column_place = place<columns>(threadIdx.x % warp_lanes / 4, four);
    ByteRows left[kPlanes];
#pragma unroll
    for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
#pragma unroll
      for (std::uint32_t half = 0; half < 2; ++half)
#pragma unroll
        for (std::uint32_t below = 0; below < 2; ++below)
          left[plane].word[2 * half + below] =
              row_words[plane * plane_words<tile_rows> +
                        place_beyond(first_row_place, below, half)];
    // Without a branch for each group where all are used, loads go ahead of products, for which
    // more planes would leave too few registers.
    if (kPlanes <= 2 && used_columns > columns - group_columns)
      multiply_groups<true>(left, column_words, first_column_place, used_columns);
    else
      multiply_groups<false>(left, column_words, first_column_place, used_columns);
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
  static constexpr std::uint32_t warp_rows = 16, group_columns = 8;
  static constexpr std::uint32_t groups = columns / group_columns;
  static constexpr std::uint32_t powers = 2 * kPlanes - 1;
  /// Tiles whose sums fit 32 bits: at most kPlanes products of a power, of less than 2^16.
  static constexpr std::uint32_t most_tiles = 256;
  static_assert(std::uint64_t{most_tiles} * terms * kPlanes * 255 * 255 < std::uint64_t{1} << 31);
  static_assert(tile_lanes / warp_lanes * warp_rows == tile_rows);

  /// Where four terms of a line are in a plane of kLines lines, in words. No two lanes of a warp
  /// meet in a bank, be it that they load eight successive lines by four fours, or store four by
  /// all fours, or every fourth line by as many fours as there are lanes for.
  template <std::uint32_t kLines>
  static __device__ __forceinline__ std::uint32_t place(std::uint32_t line, std::uint32_t four) {
    const std::uint32_t group = line / 4;
    return (line % 4 * (kLines / 4 + 1) + group) * fours +
           (four ^ (((group ^ group >> 2) & 1) * 4 + (group >> 3 & 1) * 2));
  }

  /// The place of a line 8 * eights further on, below 4, and of a four 4 * half further on. `place`
  /// is that of one of the first 8 lines of 32, or with `eights` below 2 of 16, and of a four below
  /// 4.
  static __device__ __forceinline__ std::uint32_t place_beyond(std::uint32_t place,
                                                               std::uint32_t eights,
                                                               std::uint32_t half) {
    return (place ^ ((half ^ eights >> 1) & 1) * 4) + 2 * eights * fours;
  }

  static __device__ __forceinline__ std::uint32_t own_row() {
    return threadIdx.x / warp_lanes * warp_rows + threadIdx.x % warp_lanes / 4;
  }

  /// Adds the products of this lane's rows and all groups of columns that have a used one. `kAll`:
  /// each has.
  template <bool kAll>
  __device__ __forceinline__ void multiply_groups(const ByteRows (&left)[kPlanes],
                                                  const std::uint32_t* column_words,
                                                  std::uint32_t first_column_place,
                                                  std::uint32_t used_columns) {
#pragma unroll
    for (std::uint32_t group = 0; group < groups; ++group) {
      if (!kAll && group * group_columns >= used_columns) break;
      ByteColumns right[kPlanes];
#pragma unroll
      for (std::uint32_t plane = 0; plane < kPlanes; ++plane)
#pragma unroll
        for (std::uint32_t half = 0; half < 2; ++half)
          right[plane].word[half] = column_words[plane * plane_words<columns> +
                                                 place_beyond(first_column_place, group, half)];
      multiply_planes(left, right, sums_[group]);
    }
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
