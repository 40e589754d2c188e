#include "results/final_weights.hpp"

namespace gridrun {

std::vector<LayerWeights> final_weights(const StagedSweep& staged, const Outcomes& outcomes) {
  if (!staged.keep_weights) return {};
  const NetworkSpec& network = staged.networks.front();
  std::vector<LayerWeights> layers;
  for (std::size_t layer = 0; layer < network.layers(); ++layer) {
    layers.push_back({network.units_of(layer), network.row_length(layer), {}});
    for (const Outcome& outcome : outcomes)
      layers.back().of_network.emplace_back(outcome.weights[layer]);
  }
  return layers;
}

}  // namespace gridrun
