// summary.csv: each cell of a grid over its seeds.
#pragma once

#include <string>

#include "results/grid_result.hpp"

namespace gridrun {

/// Whether train.seed is an axis.
bool has_seeds(const GridResult& result);

/// A row for all networks that differ by train.seed alone, of which any is trained: the other axes,
/// `seeds`, how many are trained, and for each figure its mean over them and the bounds of the
/// mean's 95 % interval (bootstrap.hpp), named FIGURE, FIGURE_low and FIGURE_high.
std::string summary_csv(const GridResult& result);

}  // namespace gridrun
