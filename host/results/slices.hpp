// A grid as tables: what is shown and answered of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "results/grid_result.hpp"
#include "results/metric.hpp"

namespace gridrun {

/// One value of an axis that a table is at.
struct HeldValue {
  std::string axis;
  KeyValue value;

  friend bool operator==(const HeldValue&, const HeldValue&) = default;
};

/// The columns of a table, rising.
struct PrecisionAxis {
  std::string name;  // fraction | bits | precision.*; empty, with one value: there is no such axis
  std::vector<int> values;

  friend bool operator==(const PrecisionAxis&, const PrecisionAxis&) = default;
};

/// A table of a grid: down its axis lr, rising, and across its precision axis, at one value of each
/// other one. The precision axis is fraction, or else bits, or else the first other axis of
/// `precision` with whole numbers.
struct Slice {
  std::vector<HeldValue> held;   // the other axes but train.seed
  std::optional<KeyValue> seed;  // train.seed, where it is an axis
  std::vector<int> lr;           // rows
  PrecisionAxis precision;
  std::vector<CellResult> cells;      // [row][column]
  std::vector<std::size_t> numbers;   // [row][column], of the cells in the grid
  bool holds_out = false;             // whether samples were held out of all cells
  Metric metric = Metric::accuracy;   // that cells are compared by
  std::vector<CellResult> baselines;  // [row], in binary64; empty: none are trained

  const CellResult& at(std::size_t row, std::size_t column) const {
    return cells[row * precision.values.size() + column];
  }
  double value(std::size_t row, std::size_t column) const {
    return value_of(at(row, column), metric);
  }
};

/// The tables that differ by train.seed alone, at least one; they have the same metric.
using SeedSlices = std::vector<Slice>;

/// How many tables a grid has.
std::size_t count_slices(const GridResult& grid);

/// The tables of which all networks are trained, in the order of the grid's cells; those that
/// differ by train.seed alone together. Without a metric, a table has
/// test_accuracy where samples were held out of all its cells, else recent_accuracy.
std::vector<SeedSlices> slices_of(const GridResult& grid, std::optional<Metric> metric);

/// The mean over seeds of each figure of each cell.
Slice mean_of(const SeedSlices& seeds);

}  // namespace gridrun
