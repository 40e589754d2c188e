// The figure that networks are compared by. docs/arithmetic.md, part 8.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "results/chance.hpp"
#include "results/grid_result.hpp"

namespace gridrun {

inline constexpr std::array all_metrics = {Metric::accuracy, Metric::recent_accuracy,
                                           Metric::test_accuracy};

/// "recent accuracy"
std::string words_of(Metric metric);
/// What it is, in plain words, of a smoothing window of so many steps.
std::string meaning_of(Metric metric, std::size_t window);

double value_of(const CellResult& cell, Metric metric);

/// What guessing says of a cell's metric. The smoothing is that of accuracy.
Chance chance_of(const CellResult& cell, Metric metric, const std::vector<double>& smoothing);

/// Whether samples were held out of all cells: test_accuracy is their metric if none was chosen,
/// else recent_accuracy.
bool all_hold_out(const std::vector<CellResult>& cells);

}  // namespace gridrun
