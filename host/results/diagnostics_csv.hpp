// diagnostics.csv: what each layer of each network counted.
#pragma once

#include <string>

#include "results/grid_result.hpp"

namespace gridrun {

/// A row a layer of a diagnosed network: the axes, `layer` from 1, `label` of the network (empty:
/// its table is not whole), for each tensor T `T_bits`, those of the shortest word that holds all
/// values, `T_integer`, how many of these are before the binary point, and `T_overflowed`,
/// empty where a layer has no such values of its own: `input` above layer 1, and `weight` where it
/// is `master`; then `updates`, `lost`, `inactive`, `last_inactive` (docs/arithmetic.md, 8.7) and
/// `drift`, what rounding added to a weight in one update in the mean, in units of the master's
/// last place.
std::string diagnostics_csv(const GridResult& result);

}  // namespace gridrun
