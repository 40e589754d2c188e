// Sums of products of binary64 in SIMD, to the bit as docs/arithmetic.md, part 10, has them: lanes
// are places of a row, and each lane adds its products in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/cpu/floats/term_lists.hpp"

namespace gridrun {

/// Rows are as long as a multiple of so many places; those after the last unit are 0.
inline constexpr std::size_t float_padding = 8;

inline constexpr std::size_t padded(std::size_t places) {
  return (places + float_padding - 1) / float_padding * float_padding;
}

/// Rows of numbers [row][place].
template <class Number>
struct FloatRows {
  Number* data;
  std::size_t stride;  // a multiple of float_padding

  Number* row(std::size_t i) const { return data + i * stride; }
};

/// What the kernels need beside their arguments; keeps its memory.
struct FloatScratch {
  std::vector<double> panel;
  std::vector<std::size_t> cursor;  // [sample]
};

/// sums[s][j] = sum of value * rows[index][j] over the terms of sample s, for the places j of a
/// row.
void sum_rows(const FloatRows<const double>& rows, std::size_t row_count, std::size_t places,
              const TermLists& terms, const FloatRows<double>& sums, FloatScratch& scratch);

/// sums[s][k] = sum of rows[k][index] * value over the terms of sample s, for the first
/// `row_count` rows; the indices are below `places`.
void sum_columns(const FloatRows<const double>& rows, std::size_t row_count, std::size_t places,
                 const TermLists& terms, const FloatRows<double>& sums, FloatScratch& scratch);

/// A part of a batch, as an update takes it.
struct FloatUpdate {
  const TermLists& inputs;         // [sample], a
  const TermLists& by_row;         // the same [row], of several samples
  FloatRows<const double> errors;  // d [sample][unit]
  bool inputs_are_finite;          //
  double rate;                     // 2^-lr
  double* partial;                 // P [row][unit] up to here; null where the batch is one part
  bool is_first, is_last;          // part of the batch
};

/// weights[k][j] += rate * P, P = sum of d[s][j] * a[s][k] over the samples in order.
void update_rows(const FloatRows<double>& weights, std::size_t row_count, std::size_t units,
                 const FloatUpdate& update, FloatScratch& scratch);

}  // namespace gridrun
