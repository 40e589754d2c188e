// Device: a block's tile of a product of two matrices, whatever they are read from. While a few
// terms are multiplied the next ones are read.
#pragma once

#include "batches/batch_types.hpp"
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

/// A matrix in memory.
template <typename Element_, bool kTermsAreNeighbours, bool kInFours>
struct ProductMatrix {
  using Element = Element_;
  static constexpr bool terms_are_neighbours = kTermsAreNeighbours;  // or else lines are
  /// Lines have room for a multiple of four terms and begin at multiples of four elements.
  static constexpr bool in_fours = kInFours;
  static_assert(kTermsAreNeighbours || !kInFours);

  const Element* elements;
  std::uint64_t stride;  // between lines, or where those are neighbours between terms
};

/// The rows, or columns, of a tile on their way from a matrix to shared memory.
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
      const std::uint64_t of_matrix = first + min(line(i), lines - 1);
      next_[i] = matrix.elements + (neighbours ? of_matrix * stride_ + 4 * four(i)
                                               : of_matrix + 4 * four(i) * stride_);
    }
  }

  /// Reads the next terms, of which so many are left; 0 where there is none.
  __device__ __forceinline__ void read(std::uint32_t left) {
    if (left >= Products::terms)
      read_if([](std::uint32_t) { return true; });
    else
      read_if([left](std::uint32_t term) { return term < left; });
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i)
      next_[i] += neighbours ? Products::terms : Products::terms * stride_;
  }

  __device__ __forceinline__ void store(unsigned char* buffer) const {
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i)
      Products::template store<kLines>(buffer, line(i), four(i), read_[i]);
  }

 private:
  using Element = typename Matrix::Element;
  using Value = typename Products::Value;
  static constexpr bool neighbours = Matrix::terms_are_neighbours;
  static constexpr std::uint32_t fours = Products::terms / 4;
  static constexpr std::uint32_t items = kLines * fours / tile_lanes;

  template <class IsTerm>
  __device__ __forceinline__ void read_if(IsTerm is_term) {
#pragma unroll
    for (std::uint32_t i = 0; i < items; ++i) {
      if constexpr (Matrix::in_fours) {
        if (!is_term(4 * four(i))) {
#pragma unroll
          for (Value& value : read_[i]) value = 0;
          continue;
        }
        using Four = Neighbours<Element, 4>;
        const Four together = *reinterpret_cast<const Four*>(next_[i]);
#pragma unroll
        for (std::uint32_t t = 0; t < 4; ++t)
          read_[i][t] = is_term(4 * four(i) + t) ? together.of[t] : Element{0};
      } else {
#pragma unroll
        for (std::uint32_t t = 0; t < 4; ++t)
          read_[i][t] =
              is_term(4 * four(i) + t) ? next_[i][neighbours ? t : t * stride_] : Element{0};
      }
    }
  }

  static __device__ __forceinline__ std::uint32_t line(std::uint32_t i) {
    const std::uint32_t item = threadIdx.x + i * tile_lanes;
    return neighbours ? item / fours : item % kLines;
  }
  static __device__ __forceinline__ std::uint32_t four(std::uint32_t i) {
    const std::uint32_t item = threadIdx.x + i * tile_lanes;
    return neighbours ? item % fours : item / kLines;
  }

  const std::uint64_t stride_;
  const Element* next_[items];
  Value read_[items][4];
};

/// Which sums neighbouring lanes take.
enum class Neighbouring : std::uint8_t { rows, columns };

/// Bytes of a tile's sums, however they lie.
template <class Products>
inline constexpr std::size_t tile_sums_bytes = sizeof(std::int64_t) * tile_rows*(Products::columns +
                                                                                 2);

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
    std::int64_t& sum = sums_[by_rows ? column * stride + row : row * stride + column];
    sum = is_first ? part : wrapping_add(sum, part);
  }

  /// Calls take(row of the product, its column, sum) for each sum that the product has.
  template <class Take>
  __device__ __forceinline__ void for_each(const Take& take) const {
#pragma unroll 1
    for (std::uint32_t i = threadIdx.x; i < size; i += tile_lanes) visit(i, take);
  }

  /// The same with a fourth argument, load(row, column, sum), of which some are called before what
  /// takes them, so that a lane waits for memory once for all.
  template <typename Loaded, class Load, class Take>
  __device__ __forceinline__ void for_each(const Load& load, const Take& take) const {
    constexpr std::uint32_t together = 4;
#pragma unroll 1
    for (std::uint32_t first = threadIdx.x; first < size; first += together * tile_lanes) {
      Loaded loaded[together];
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        visit(first + t * tile_lanes,
              [&](std::uint32_t row, std::uint32_t column, std::int64_t sum) {
                loaded[t] = load(row, column, sum);
              });
#pragma unroll
      for (std::uint32_t t = 0; t < together; ++t)
        visit(first + t * tile_lanes, [&](std::uint32_t row, std::uint32_t column,
                                          std::int64_t sum) { take(row, column, sum, loaded[t]); });
    }
  }

 private:
  static constexpr bool by_rows = kNeighbours == Neighbouring::rows;
  static constexpr std::uint32_t size = tile_rows * Products::columns;
  static constexpr std::uint32_t length = by_rows ? tile_rows : Products::columns;
  static constexpr std::uint32_t stride = length + (by_rows ? 2 : 1);  // against meetings in a bank

  template <class Use>
  __device__ __forceinline__ void visit(std::uint32_t i, const Use& use) const {
    const std::uint32_t line = i / length, of_line = i % length;
    const std::uint32_t row = by_rows ? of_line : line, column = by_rows ? line : of_line;
    if (row < tile_.rows && column < tile_.columns)
      use(tile_.first_row + row, tile_.first_column + column, sums_[line * stride + of_line]);
  }

  const ProductTile<Products>& tile_;
  std::int64_t* const sums_;
};

/// Bytes of shared memory of a block.
template <class Products>
constexpr std::size_t tile_shared_bytes() {
  return tile_sums_bytes<Products> + 2 * Products::buffer_bytes;
}

/// Multiplies the rows of a matrix by those of another, `columns`, over so many terms. All lanes of
/// the block may take the sums.
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
