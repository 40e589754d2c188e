// Tables of a grid in CSV: a row a network, the values of the axes and then figures. A list is JSON
// in quotes, a real reads back to the same bits, and what a network has not is empty.
#pragma once

#include <string>
#include <vector>

#include "results/grid_result.hpp"

namespace gridrun {

/// grid.csv: the figures of figures_of().
std::string grid_csv(const GridResult& result);

/// A value of an axis as a field.
std::string csv_field(const KeyValue& value);

/// A real as a field; empty: it is none.
std::string csv_field(double value);

/// The names of the axes, the first fields of a header.
std::vector<std::string> csv_axes(const GridResult& result);

/// The values of the axes, the first fields of a cell's row.
std::vector<std::string> csv_place(const GridResult& result, std::size_t cell);

std::string csv_line(const std::vector<std::string>& fields);

}  // namespace gridrun
