// What a slice of the grid says: the study's questions, answered by the slice's metric.
//
// A cell or a row "learned" when its metric is above chance (chance.hpp). "Within tolerance of x"
// means above chance and at least x - tolerance, where a tolerance below the metric's noise counts
// as that. Of equals, the cell with the fewest bits is named, and among those the one with the
// largest learning rate, that is the smallest lr. Bits, a precision, are what the columns of the
// slice count: fraction bits, or the bits of a word.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "results/chance.hpp"
#include "results/slices.hpp"

namespace gridrun {

struct CellAnswer {
  int lr = 0;
  int precision = 0;
  double value = 0;    // of the slice's metric
  CellResult figures;  // all of the cell's
};

/// One row: all precisions of one lr.
struct RowAnswer {
  CellAnswer plateau;              // its best cell
  std::optional<int> knee;         // fewest bits within tolerance of the plateau; none: the row
                                   // did not learn, or there is one column only
  std::optional<int> settled;      // fewest bits from which on its values differ by at most the
                                   // tolerance; none: those of its last two columns differ by more
  bool cut_off = false;            // beyond the left cliff, and neither its knee nor that of a row
                                   // between lies before the last column: the true plateau and knee
                                   // may lie beyond the grid
  std::optional<double> baseline;  // of the network in binary64, where it was trained
};

/// One column: all lr of one precision.
struct ColumnAnswer {
  CellAnswer best;
  bool learned = false;
};

/// The largest learning rate whose plateau is within tolerance of the best cell.
struct LeftCliff {
  int lr = 0;
  std::optional<int> next_lr;  // the next larger learning rate; none: the cliff is off the grid
  double loss = 0;             // what the next one's plateau lacks of the best cell
};

/// knee = intercept + slope lr, by least squares over the rows beyond the left cliff (of larger lr)
/// that are not cut off.
struct DiagonalCliff {
  double intercept = 0;
  double slope = 0;  // bits for each halving of the learning rate
  std::vector<int> lr;
  std::vector<double> residuals;  // of those lr: knee - line, in bits
};

/// From `precision` on, the values of each row that learned, but for `except_lr`, differ by at
/// most the tolerance; no smaller one will do. The excepted rows still change at the last column,
/// or are cut off by it.
struct Settled {
  int precision = 0;
  std::vector<int> except_lr;
};

/// One learning rate for many precisions: from `precision` on, `lr` is within tolerance of the best
/// of each column that learned; no lr is so from a smaller precision on.
struct CommonRate {
  int lr = 0;
  int precision = 0;
  bool everywhere = false;  // all columns that learned: the best lr depends on no precision
};

/// What the networks in binary64 say.
struct Baseline {
  int lr = 0;                        // of the best of them
  double value = 0;                  // of the metric, there
  std::optional<CellAnswer> fewest;  // fewest bits within tolerance of it; none: no cell is
};

struct Answers {
  std::vector<HeldValue> held;   // as of the slice
  std::optional<KeyValue> seed;  // as of the slice
  Metric metric = Metric::accuracy;
  std::vector<int> lr;         // as of the slice
  std::string precision_axis;  // name of the columns' axis; empty: the columns are of no axis, and
                               // nothing is answered of knees, columns and bits
  double tolerance = 0;        // as asked for
  double noise = 0;            // of a difference from the best cell
  Chance chance;
  CellAnswer best;
  std::optional<CellAnswer> best_held_out;  // of the largest test_accuracy; none: nothing held out
  std::optional<Baseline> baseline;
  bool learned = false;  // the best cell did; if not, nothing below is answered

  std::vector<RowAnswer> rows;
  std::vector<ColumnAnswer> columns;
  std::optional<CellAnswer> fewest_bits;  // within tolerance of the best; the best there
  LeftCliff left_cliff;
  std::optional<DiagonalCliff> diagonal_cliff;  // none: fewer than three such rows
  std::optional<Settled> settled;               // none: no row is, or one column only
  std::optional<CommonRate> common_rate;  // none: one row only, or fewer than two columns learned

  /// What counts as no difference.
  double within() const { return std::max(tolerance, noise); }
};

/// A slice of finite values with at least one cell.
Answers answer(const Slice& slice, double tolerance, const Chance& chance);

}  // namespace gridrun
