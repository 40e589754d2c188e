// grid.csv: a row a network, a column an axis and a figure.
#pragma once

#include <string>

#include "results/grid_result.hpp"

namespace gridrun {

/// The text of grid.csv; reals in the shortest form that reads back to the same bits.
std::string grid_csv(const GridResult& result);

}  // namespace gridrun
