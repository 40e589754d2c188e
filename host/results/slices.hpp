// A grid as tables: what is shown and answered of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "results/grid_result.hpp"

namespace gridrun {

/// One value of an axis that a table is at.
struct HeldValue {
  std::string axis;
  KeyValue value;

  friend bool operator==(const HeldValue&, const HeldValue&) = default;
};

/// The columns of a table.
struct PrecisionAxis {
  std::string name;  // fraction | bits; empty, with one value: there is no such axis
  std::vector<int> values;

  friend bool operator==(const PrecisionAxis&, const PrecisionAxis&) = default;
};

/// A table of a grid: down its axis lr, across its axis fraction, or bits where there is none, at
/// one value of each other one.
struct Slice {
  std::vector<HeldValue> held;  // the other axes; empty: the table is the whole grid
  std::vector<int> lr;          // rows
  PrecisionAxis precision;
  std::vector<CellResult> cells;  // [row][column]
  bool holds_out = false;         // as of the grid

  const CellResult& at(std::size_t row, std::size_t column) const {
    return cells[row * precision.values.size() + column];
  }
};

/// How many slices a grid has.
std::size_t count_slices(const GridResult& grid);

/// The slices of a grid of which all networks are trained, in the order of its cells.
std::vector<Slice> slices_of(const GridResult& grid);

}  // namespace gridrun
