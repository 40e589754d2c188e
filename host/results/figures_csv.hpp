// figures.csv: all that is known of each network, from which all answers can be computed.
#pragma once

#include <string>

#include "results/grid_result.hpp"

namespace gridrun {

/// A row a trained network: the axes, its figures, and `baseline_accuracy`,
/// `baseline_recent_accuracy` and `baseline_test_accuracy` of the same network in binary64, where
/// that was trained; and `label`, where networks are diagnosed.
std::string figures_csv(const GridResult& result);

}  // namespace gridrun
