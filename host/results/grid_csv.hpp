// grid.csv: one row a network.
#pragma once

#include <string>

#include "results/summarise.hpp"

namespace gridrun {

/// The text of grid.csv; reals in the shortest form that reads back to the same bits.
std::string grid_csv(const GridResult& result);

}  // namespace gridrun
