// The weights that a sweep's networks end with, layer by layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun {

/// The final master weights of one layer in all networks, which own them.
struct LayerWeights {
  std::size_t units = 0;
  std::size_t inputs = 0;                                 // the bias counted, which is the last
  std::vector<std::span<const std::int64_t>> of_network;  // each [unit][input]
};

/// Of all layers of networks that have the layers of `network`.
std::vector<LayerWeights> final_weights(const NetworkSpec& network,
                                        const std::vector<Weights>& of_networks);

}  // namespace gridrun
