// A grid as tables: what is shown and answered of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "results/grid_result.hpp"

namespace gridrun {

struct AxisValue {
  std::string axis;
  int value = 0;

  friend bool operator==(const AxisValue&, const AxisValue&) = default;
};

/// A table of a grid: down its first axis, lr, across its second, at one value of each further one.
struct Slice {
  std::vector<AxisValue> held;    // the further axes; empty: the table is the whole grid
  std::vector<int> lr;            // rows
  Axis precision;                 // columns: fraction | bits; no name and one value: no such axis
  std::vector<CellResult> cells;  // [row][column]
  bool holds_out = false;         // as of the grid

  const CellResult& at(std::size_t row, std::size_t column) const {
    return cells[row * precision.values.size() + column];
  }
};

/// All slices of a grid, in the order of its cells.
std::vector<Slice> slices_of(const GridResult& grid);

}  // namespace gridrun
