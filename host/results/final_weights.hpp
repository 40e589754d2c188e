// The weights that a run ends with, as they lie in the outcomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gridrun/outcomes.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// The final master weights of one layer in all networks. The outcomes own them.
struct LayerWeights {
  std::size_t units = 0;
  std::size_t inputs = 0;                                 // the bias counted, which is the last
  std::vector<std::span<const std::int64_t>> of_network;  // each [unit][input]
};

/// Of all layers; empty where the sweep keeps no weights.
std::vector<LayerWeights> final_weights(const StagedSweep& staged, const Outcomes& outcomes);

}  // namespace gridrun
