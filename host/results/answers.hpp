// What the grid says: the study's questions, answered from the accuracies.
//
// A cell or a row "learned" when its accuracy is above chance (chance.hpp). "Within tolerance of x"
// means at least x - tolerance. Of equals, the cell with the fewest fraction bits is named, and
// among those the one with the largest learning rate, that is the smallest lr.
#pragma once

#include <optional>
#include <vector>

#include "results/chance.hpp"
#include "results/summarise.hpp"

namespace gridrun {

struct CellAnswer {
  int lr = 0;
  int fraction = 0;
  double accuracy = 0;
};

/// One row of the grid: all fractions of one lr.
struct RowAnswer {
  CellAnswer plateau;          // its most accurate cell
  std::optional<int> knee;     // fewest bits within tolerance of the plateau; none: the row
                               // did not learn, or the grid has one fraction only
  std::optional<int> settled;  // fewest bits from which on its accuracies differ by at most the
                               // tolerance; none: those of its last two fractions differ by more
  bool cut_off = false;        // beyond the left cliff, and neither its knee nor that of a row
                               // between lies before the grid's last fraction: the true plateau
                               // and knee may lie beyond the grid
};

/// One column of the grid: all lr of one fraction.
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

/// From `fraction` on, the accuracies of each row that learned, but for `except_lr`, differ by at
/// most the tolerance; no smaller fraction will do. The excepted rows still change at the grid's
/// last fraction, or are cut off by it.
struct Settled {
  int fraction = 0;
  std::vector<int> except_lr;
};

/// One learning rate for many fractions: from `fraction` on, `lr` is within tolerance of the best
/// of each column that learned; no lr is so from a smaller fraction on.
struct CommonRate {
  int lr = 0;
  int fraction = 0;
  bool everywhere = false;  // all columns that learned: the best lr does not depend on the fraction
};

struct Answers {
  double tolerance = 0;
  Chance chance;
  CellAnswer best;
  bool learned = false;  // the best cell did; if not, nothing below is answered

  std::vector<RowAnswer> rows;
  std::vector<ColumnAnswer> columns;
  CellAnswer fewest_bits;  // within tolerance of the best; the most accurate at that fraction
  LeftCliff left_cliff;
  std::optional<DiagonalCliff> diagonal_cliff;  // none: fewer than three such rows
  std::optional<Settled> settled;               // none: no row is, or one fraction only
  std::optional<CommonRate> common_rate;  // none: one row only, or fewer than two columns learned
};

/// A grid of finite accuracies with at least one cell.
Answers answer(const GridResult& result, double tolerance, const Chance& chance);

}  // namespace gridrun
