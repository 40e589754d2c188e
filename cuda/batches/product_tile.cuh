// Device: a block's tile of a product of two matrices, whatever they are read from. While a few
// terms are multiplied the next ones are read.
#pragma once

#include "batches/batch_types.hpp"
#include "batches/stored_four.cuh"
#include "device_code.cuh"
#include "general/neighbours.cuh"

namespace gridrun::cuda {

/// Which tile of which network's product a block multiplies.
template <class Products>
struct ProductTile {
  std::uint32_t network, first_row, first_column;
  std::uint32_t rows, columns;  // of the product that the tile has, at most its size

  __device__ __forceinline__ ProductTile(const BatchArguments& arguments, std::uint32_t all_rows,
                                         std::uint32_t all_columns) {
    const TileGrid grid(all_rows, all_columns, Products::columns);
    const std::uint32_t block = blockIdx.x + arguments.first_block, tile = block % grid.tiles;
    network = block / grid.tiles;
    first_row = tile / grid.across * tile_rows;
    first_column = tile % grid.across * Products::columns;
    rows = min(tile_rows, all_rows - first_row);
    columns = min(Products::columns, all_columns - first_column);
  }
};

/// A matrix in memory, whose lines, or where those are neighbours whose terms, begin at multiples
/// of four elements and have room for a multiple of four.
template <typename Element_, bool kTermsAreNeighbours>
struct ProductMatrix {
  using Element = Element_;
  static constexpr bool terms_are_neighbours = kTermsAreNeighbours;  // or else lines are

  const Element* elements;
  std::uint64_t stride;  // between lines, or where those are neighbours between terms
};

/// The rows, or columns, of a tile on their way from a matrix to shared memory. A lane has four
/// terms of a line, or where lines are neighbours of four lines, and reads four neighbours at once.
template <class Products, std::uint32_t kLines, class Matrix>
class TileLines {
 public:
  /// Of `lines` lines that the matrix has from `first` on.
  __device__ __forceinline__ TileLines(const Matrix& matrix, std::uint32_t first,
                                       std::uint32_t lines)
      : stride_(matrix.stride) {
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i) {
      // Beyond the last line it is read again: its sums are not used.
      const std::uint64_t of_matrix =
          first + min(line(i), (lines - 1) / lines_of_item * lines_of_item);
      next_[i] = matrix.elements + (neighbours ? of_matrix * stride_ + 4 * four(i)
                                               : of_matrix + 4 * four(i) * stride_);
    }
  }

  /// Reads the next terms, of which so many are left; 0 where there is no four of them, and where
  /// lines are neighbours 0 for each that there is not.
  __device__ __forceinline__ void read(std::uint32_t left) {
    if (left >= Products::terms)
      read_terms<true>(left);
    else
      read_terms<false>(left);
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i)
      next_[i] += neighbours ? Products::terms : Products::terms * stride_;
  }

  __device__ __forceinline__ void store(unsigned char* buffer) const {
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i) {
      if (!has(i)) break;
      if constexpr (neighbours)
        Products::template store<kLines>(buffer, line(i), four(i), read_[i][0]);
      else
        Products::template store<kLines>(buffer, line(i), four(i), read_[i]);
    }
  }

 private:
  using Element = typename Matrix::Element;
  using Four = StoredFour<Element>;
  static constexpr bool neighbours = Matrix::terms_are_neighbours;
  static constexpr std::uint32_t fours = Products::terms / 4;
  static constexpr std::uint32_t lines_of_item = neighbours ? 1 : 4;  // and fours
  static constexpr std::uint32_t all_items = kLines / lines_of_item * fours;
  static constexpr std::uint32_t items = (all_items + tile_lanes - 1) / tile_lanes;  // of a lane
  static_assert(all_items % warp_lanes == 0);

  /// `kAll`: no term is missing.
  template <bool kAll>
  __device__ __forceinline__ void read_terms(std::uint32_t left) {
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i) {
      if (!has(i)) break;
      const std::uint32_t first = 4 * four(i);
#pragma unroll
      for (std::uint32_t t = 0; t < lines_of_item; ++t)
        read_[i][t] = kAll || first + t < left ? Four::read(next_[i] + t * stride_) : Four{};
    }
  }

  /// Whether this lane has an ith item, as all of its warp have or none.
  static __device__ __forceinline__ bool has(std::uint32_t i) {
    return all_items % tile_lanes == 0 || item(i) < all_items;
  }
  static __device__ __forceinline__ std::uint32_t item(std::uint32_t i) {
    return threadIdx.x + i * tile_lanes;
  }
  static __device__ __forceinline__ std::uint32_t line(std::uint32_t i) {
    return neighbours ? item(i) / fours : item(i) % (kLines / 4) * 4;
  }
  static __device__ __forceinline__ std::uint32_t four(std::uint32_t i) {
    return neighbours ? item(i) % fours : item(i) / (kLines / 4);
  }

  const std::uint64_t stride_;
  const Element* next_[items];
  Four read_[items][lines_of_item] = {};
};

/// Which sums neighbouring lanes take.
enum class Neighbouring : std::uint8_t { rows, columns };

/// Bytes of a tile's sums, however they lie.
template <class Products>
inline constexpr std::size_t tile_sums_bytes = sizeof(std::int64_t) * tile_rows*(Products::columns +
                                                                                 6);

/// The sums of a tile in shared memory, as the lanes of a block take them.
template <class Products, Neighbouring kNeighbours>
class TileSums {
 public:
  __device__ __forceinline__ TileSums(const ProductTile<Products>& tile, void* shared)
      : tile_(tile), sums_(static_cast<std::int64_t*>(shared)) {}

  /// Adds to a sum, which begins with what is added first. Before others take it, a barrier of the
  /// block has to follow.
  __device__ __forceinline__ void add(std::uint32_t row, std::uint32_t column, std::int64_t part,
                                      bool is_first) const {
    std::int64_t& sum = sums_[place(row, column)];
    sum = is_first ? part : wrapping_add(sum, part);
  }

  /// Calls take(row of the product, its column, sum) for each sum that the product has. `in_fours`:
  /// a lane takes four neighbours one after another, or else neighbouring lanes take neighbours.
  template <class Take>
  __device__ __forceinline__ void for_each(bool in_fours, const Take& take) const {
#pragma unroll 1
    for (std::uint32_t n = 0; n < size / tile_lanes; ++n) {
      visit(place_of_sum(in_fours, n), [&](std::uint32_t row, std::uint32_t column) {
        take(tile_.first_row + row, tile_.first_column + column, sums_[place(row, column)]);
      });
    }
  }

  /// for_each(), of four sums at once: load(row, column) for each of them, then take(row, column,
  /// sum, what load() returned), so that a lane waits for memory once for four.
  template <class Load, class Take>
  __device__ __forceinline__ void for_each_loaded(bool in_fours, const Load& load,
                                                  const Take& take) const {
    constexpr std::uint32_t together = 4;
#pragma unroll 1
    for (std::uint32_t first = 0; first < size / tile_lanes; first += together) {
      decltype(load(0, 0)) loaded[together] = {};
#pragma unroll
      for (std::uint32_t m = 0; m < together; ++m)
        visit(place_of_sum(in_fours, first + m), [&](std::uint32_t row, std::uint32_t column) {
          loaded[m] = load(tile_.first_row + row, tile_.first_column + column);
        });
#pragma unroll
      for (std::uint32_t m = 0; m < together; ++m)
        visit(place_of_sum(in_fours, first + m), [&](std::uint32_t row, std::uint32_t column) {
          take(tile_.first_row + row, tile_.first_column + column, sums_[place(row, column)],
               loaded[m]);
        });
    }
  }

  /// Calls load(row, first column, four sums) for every four columns of a row of which the product
  /// has any, its other sums being 0; then take(row, first column, what load() returned) for each,
  /// so that a lane waits for memory once.
  template <typename Loaded, class Load, class Take>
  __device__ __forceinline__ void for_each_four(const Load& load, const Take& take) const {
    static_assert(!by_rows);
    constexpr std::uint32_t fours = size / 4 / tile_lanes;  // of a lane
    Loaded loaded[fours];
#pragma unroll
    for (std::uint32_t m = 0; m < fours; ++m)
      visit(place_of_four(m), [&](std::uint32_t row, std::uint32_t column) {
        auto sums =
            *reinterpret_cast<const Neighbours<std::int64_t, 4>*>(&sums_[place(row, column)]);
#pragma unroll
        for (std::uint32_t t = 1; t < 4; ++t)
          if (column + t >= tile_.columns) sums.of[t] = 0;
        loaded[m] = load(tile_.first_row + row, tile_.first_column + column, sums);
      });
#pragma unroll
    for (std::uint32_t m = 0; m < fours; ++m)
      visit(place_of_four(m), [&](std::uint32_t row, std::uint32_t column) {
        take(tile_.first_row + row, tile_.first_column + column, loaded[m]);
      });
  }

 private:
  static constexpr bool by_rows = kNeighbours == Neighbouring::rows;
  static constexpr std::uint32_t size = tile_rows * Products::columns;
  static constexpr std::uint32_t length = by_rows ? tile_rows : Products::columns;
  static constexpr std::uint32_t stride = length + (by_rows ? 2 : 6);  // against meetings in a bank
  static_assert(size % (8 * tile_lanes) == 0 && length % 16 == 0 && stride % 2 == 0);
  static_assert(sizeof(std::int64_t) * stride * (size / length) <= tile_sums_bytes<Products>);

  /// Which sum the mth four of this lane begins with. Four lanes have neighbours of a line, those
  /// beside them the next line's.
  static __device__ __forceinline__ std::uint32_t place_of_four(std::uint32_t m) {
    const std::uint32_t sixteen = threadIdx.x / 4 + m * (tile_lanes / 4), lines = size / length;
    return sixteen % lines * length + sixteen / lines * 16 + threadIdx.x % 4 * 4;
  }

  /// The nth sum of this lane.
  static __device__ __forceinline__ std::uint32_t place_of_sum(bool in_fours, std::uint32_t n) {
    return in_fours ? place_of_four(n / 4) + n % 4 : threadIdx.x + n * tile_lanes;
  }

  static __device__ __forceinline__ std::uint32_t place(std::uint32_t row, std::uint32_t column) {
    return by_rows ? column * stride + row : row * stride + column;
  }

  /// Calls use(row, column) of the tile for the ith sum, as if lines had no room between them, if
  /// the product has it.
  template <class Use>
  __device__ __forceinline__ void visit(std::uint32_t i, const Use& use) const {
    const std::uint32_t line = i / length, of_line = i % length;
    const std::uint32_t row = by_rows ? of_line : line, column = by_rows ? line : of_line;
    if (row < tile_.rows && column < tile_.columns) use(row, column);
  }

  const ProductTile<Products>& tile_;
  std::int64_t* const sums_;
};

/// Bytes of shared memory of a block.
template <class Products>
constexpr std::size_t tile_shared_bytes() {
  return tile_sums_bytes<Products> + 2 * Products::buffer_bytes;
}

/// Multiplies the rows of a matrix by those of another, `columns`, over so many terms. Up to a
/// whole four of terms, one of the two has to have zeros beyond the last: the lines of one are
/// neighbours, or it has them in memory. All lanes of the block may take the sums.
template <class Products, Neighbouring kNeighbours, class Rows, class Columns>
__device__ __forceinline__ TileSums<Products, kNeighbours> multiply_tile(
    const ProductTile<Products>& tile, const Rows& rows, const Columns& columns,
    std::uint32_t terms) {
  auto* const shared = static_cast<unsigned char*>(dynamic_shared_memory());
  const TileSums<Products, kNeighbours> sums(tile, shared);
  Products products;
  TileLines<Products, tile_rows, Rows> row_lines(rows, tile.first_row, tile.rows);
  TileLines<Products, Products::columns, Columns> column_lines(columns, tile.first_column,
                                                               tile.columns);
  const auto read = [&](std::uint32_t left) {
    row_lines.read(left);
    column_lines.read(left);
  };
  bool any_moved = false;
  const auto move = [&] {
    products.move([&](std::uint32_t row, std::uint32_t column, std::int64_t sum) {
      sums.add(row, column, sum, !any_moved);
    });
    any_moved = true;
  };
  // Lanes that store into a buffer have passed the barrier after which others read the other one.
  unsigned char* const buffers = shared + tile_sums_bytes<Products>;
  unsigned char* buffer = buffers;
  read(terms);
#pragma unroll 1
  for (std::uint32_t term = 0; term < terms; term += Products::terms) {
    row_lines.store(buffer);
    column_lines.store(Products::columns_of(buffer));
    __syncthreads();
    if (term + Products::terms < terms) read(terms - term - Products::terms);
    if (products.are_full()) move();
    products.multiply(buffer, tile.rows, tile.columns);
    buffer = buffer == buffers ? buffers + Products::buffer_bytes : buffers;
  }
  move();
  __syncthreads();
  return sums;
}

}  // namespace gridrun::cuda
