#include "results/answers.hpp"

#include <algorithm>
#include <cstdint>

namespace gridrun {
namespace {

CellAnswer cell_at(const Slice& slice, std::size_t row, std::size_t column) {
  return {slice.lr[row], slice.precision.values[column], slice.value(row, column),
          slice.at(row, column)};
}

/// From `begin` to before `end`.
struct Span {
  std::size_t begin, end;
};

/// The best cell of some rows and columns by a metric.
CellAnswer best_of(const Slice& slice, Span rows, Span columns, Metric metric) {
  CellAnswer best = cell_at(slice, rows.begin, columns.begin);
  for (std::size_t column = columns.begin; column < columns.end; ++column)
    for (std::size_t row = rows.begin; row < rows.end; ++row)
      if (value_of(slice.at(row, column), metric) > value_of(best.figures, metric))
        best = cell_at(slice, row, column);
  return best;
}

/// Fewest bits from which on the row's accuracies differ by at most the tolerance.
std::optional<int> settled_of(const Slice& slice, std::size_t row, double tolerance) {
  const std::size_t last = slice.precision.values.size() - 1;
  double least = slice.value(row, last), most = least;
  std::size_t from = last;
  while (from > 0) {
    least = std::min(least, slice.value(row, from - 1));
    most = std::max(most, slice.value(row, from - 1));
    if (most - least > tolerance) break;
    --from;
  }
  if (from == last) return std::nullopt;
  return slice.precision.values[from];
}

RowAnswer row_answer(const Slice& slice, std::size_t row, double tolerance, const Chance& chance) {
  RowAnswer answer;
  answer.plateau = best_of(slice, {row, row + 1}, {0, slice.precision.values.size()}, slice.metric);
  answer.settled = settled_of(slice, row, tolerance);
  if (!slice.baselines.empty()) answer.baseline = value_of(slice.baselines[row], slice.metric);
  if (!(answer.plateau.value > chance.threshold()) || slice.precision.values.size() == 1)
    return answer;
  std::size_t column = 0;
  while (slice.value(row, column) < answer.plateau.value - tolerance ||
         !(slice.value(row, column) > chance.threshold()))
    ++column;
  answer.knee = slice.precision.values[column];
  return answer;
}

/// Fewest bits of a cell that learned and is within tolerance of `value`.
std::optional<CellAnswer> fewest_of(const Answers& answers, double value) {
  const auto fewest =
      std::find_if(answers.columns.begin(), answers.columns.end(), [&](const ColumnAnswer& column) {
        return column.learned && column.best.value >= value - answers.within();
      });
  if (fewest == answers.columns.end()) return std::nullopt;
  return fewest->best;
}

/// Without its fewest bits.
std::optional<Baseline> baseline_of(const Slice& slice) {
  if (slice.baselines.empty()) return std::nullopt;
  Baseline baseline{slice.lr.front(), value_of(slice.baselines.front(), slice.metric), {}};
  for (std::size_t row = 1; row < slice.baselines.size(); ++row)
    if (const double value = value_of(slice.baselines[row], slice.metric); value > baseline.value) {
      baseline.lr = slice.lr[row];
      baseline.value = value;
    }
  return baseline;
}

LeftCliff left_cliff(const Answers& answers) {
  std::size_t row = 0;
  const auto is_near = [&](double value) {
    return value >= answers.best.value - answers.within() && value > answers.chance.threshold();
  };
  while (!is_near(answers.rows[row].plateau.value)) ++row;
  LeftCliff cliff{answers.rows[row].plateau.lr, std::nullopt, 0.0};
  if (row == 0) return cliff;
  const CellAnswer& next = answers.rows[row - 1].plateau;
  cliff.next_lr = next.lr;
  cliff.loss = answers.best.value - next.value;
  return cliff;
}

/// A smaller learning rate never needs fewer bits: once one row's knee is not seen before the
/// last column, those of the rows after it are not seen either.
void mark_cut_off(Answers& answers) {
  const int last = answers.columns.back().best.precision;
  bool cut_off = false;
  for (RowAnswer& row : answers.rows) {
    if (row.plateau.lr <= answers.left_cliff.lr) continue;
    cut_off = cut_off || !row.knee || *row.knee == last;
    row.cut_off = cut_off;
  }
}

std::optional<DiagonalCliff> diagonal_cliff(const Answers& answers) {
  DiagonalCliff cliff;
  std::vector<int> knees;
  for (const RowAnswer& row : answers.rows) {
    if (row.plateau.lr <= answers.left_cliff.lr || row.cut_off) continue;
    cliff.lr.push_back(row.plateau.lr);
    knees.push_back(*row.knee);
  }
  if (knees.size() < 3) return std::nullopt;

  const std::int64_t n = std::ssize(knees);
  std::int64_t x = 0, y = 0, xx = 0, xy = 0;  // sums, exact
  for (std::size_t i = 0; i < knees.size(); ++i) {
    x += cliff.lr[i];
    y += knees[i];
    xx += cliff.lr[i] * cliff.lr[i];
    xy += cliff.lr[i] * knees[i];
  }
  const auto spread = static_cast<double>(n * xx - x * x);  // not 0: no two rows have the same lr
  cliff.slope = static_cast<double>(n * xy - x * y) / spread;
  cliff.intercept = static_cast<double>(y * xx - x * xy) / spread;
  for (std::size_t i = 0; i < knees.size(); ++i)
    cliff.residuals.push_back(knees[i] - (cliff.intercept + cliff.slope * cliff.lr[i]));
  return cliff;
}

std::optional<Settled> settled(const std::vector<RowAnswer>& rows) {
  std::optional<int> from;
  std::vector<int> except_lr;
  for (const RowAnswer& row : rows) {
    if (!row.knee) continue;
    if (row.settled && !row.cut_off)
      from = std::max(from.value_or(*row.settled), *row.settled);
    else
      except_lr.push_back(row.plateau.lr);
  }
  if (!from) return std::nullopt;
  return Settled{*from, except_lr};
}

/// For each row, goes down from the last column as long as the row is near each column's best.
std::optional<CommonRate> common_rate(const Slice& slice, const Answers& answers) {
  const auto learned = std::count_if(answers.columns.begin(), answers.columns.end(),
                                     [](const ColumnAnswer& column) { return column.learned; });
  if (learned < 2 || slice.lr.size() < 2) return std::nullopt;
  CommonRate common;
  std::ptrdiff_t most = 0;  // columns that learned and that one row is near the best of
  for (std::size_t row = 0; row < slice.lr.size(); ++row) {
    std::ptrdiff_t near = 0;
    int from = 0;
    for (std::size_t column = slice.precision.values.size(); column-- > 0;) {
      const auto& [best, column_learned] = answers.columns[column];
      if (!column_learned) continue;
      const double value = slice.value(row, column);
      if (value < best.value - answers.within() || !(value > answers.chance.threshold())) break;
      ++near;
      from = best.precision;
    }
    if (near > most) {
      most = near;
      common = {slice.lr[row], from, near == learned};
    }
  }
  return common;
}

}  // namespace

Answers answer(const Slice& slice, double tolerance, const Chance& chance) {
  const Span all_rows{0, slice.lr.size()}, all_columns{0, slice.precision.values.size()};
  Answers answers;
  answers.held = slice.held;
  answers.seed = slice.seed;
  answers.metric = slice.metric;
  answers.lr = slice.lr;
  answers.precision_axis = slice.precision.name;
  answers.tolerance = tolerance;
  answers.chance = chance;
  answers.best = best_of(slice, all_rows, all_columns, slice.metric);
  answers.noise = chance.noise(answers.best.value);
  if (slice.holds_out)
    answers.best_held_out = best_of(slice, all_rows, all_columns, Metric::test_accuracy);
  answers.baseline = baseline_of(slice);
  answers.learned = answers.best.value > chance.threshold();
  if (!answers.learned) return answers;

  for (std::size_t row = 0; row < slice.lr.size(); ++row)
    answers.rows.push_back(row_answer(slice, row, answers.within(), chance));
  answers.left_cliff = left_cliff(answers);
  if (answers.precision_axis.empty()) return answers;

  for (std::size_t column = 0; column < slice.precision.values.size(); ++column) {
    const CellAnswer best = best_of(slice, all_rows, {column, column + 1}, slice.metric);
    answers.columns.push_back({best, best.value > chance.threshold()});
  }
  answers.fewest_bits = fewest_of(answers, answers.best.value);
  if (answers.baseline && answers.baseline->value > chance.threshold())
    answers.baseline->fewest = fewest_of(answers, answers.baseline->value);
  mark_cut_off(answers);
  answers.diagonal_cliff = diagonal_cliff(answers);
  answers.settled = settled(answers.rows);
  answers.common_rate = common_rate(slice, answers);
  return answers;
}

}  // namespace gridrun
