#include "results/final_weights.hpp"

namespace gridrun {

std::vector<LayerWeights> final_weights(const NetworkSpec& network,
                                        const std::vector<Weights>& of_networks) {
  std::vector<LayerWeights> layers;
  for (std::size_t layer = 0; layer < network.layers(); ++layer) {
    layers.push_back({network.units_of(layer), network.row_length(layer), {}});
    for (const Weights& weights : of_networks)
      layers.back().of_network.emplace_back(weights[layer]);
  }
  return layers;
}

}  // namespace gridrun
