// The figure that networks are compared by. docs/arithmetic.md, part 8.
#pragma once

#include <string>
#include <vector>

#include "results/chance.hpp"
#include "results/grid_result.hpp"

namespace gridrun {

/// accuracy | recent_accuracy | test_accuracy
std::string name_of(Metric metric);
/// "recent accuracy"
std::string words_of(Metric metric);
/// What it is, in plain words, of a smoothing window of so many steps.
std::string meaning_of(Metric metric, std::size_t window);

double value_of(const CellResult& cell, Metric metric);

/// What guessing says of a cell's metric. The smoothing is that of accuracy.
Chance chance_of(const CellResult& cell, Metric metric, const std::vector<double>& smoothing);

/// The metric of cells of which none was chosen: test_accuracy where all have it.
Metric default_metric(const std::vector<CellResult>& cells);

}  // namespace gridrun
