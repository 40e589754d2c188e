// Host and device: a sweep made ready to train, the same for every engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun {

/// Everything an engine needs. All networks have the same layers, draw their weights from the same
/// normals and see the same samples in the same order: step i trains on sample
/// order[i mod order.size()].
struct StagedSweep {
  const Dataset* dataset = nullptr;     // not owned; outlives the staged sweep
  std::vector<std::uint32_t> order;     // indices of the samples to train on
  std::vector<std::uint32_t> held_out;  // indices of those to judge the final weights by, or none
  std::vector<double> normals;        // one a weight: layer by layer, unit by unit, input by input
  std::vector<NetworkSpec> networks;  // at least one
  std::uint32_t iterations = 0;       // steps of each network, a multiple of each one's batch
  bool keep_weights = false;          // outcomes have the final weights
  bool diagnose = false;              // outcomes have diagnostics

  /// The stored sample that step i trains on.
  std::size_t sample_of_step(std::uint64_t i) const { return order[i % order.size()]; }
  std::size_t inputs() const { return networks.front().units.front(); }
  std::size_t outputs() const { return networks.front().units.back(); }

  /// Bytes of the outcomes of all networks, kept weights left out.
  double outcomes_bytes() const {
    const std::size_t words = Bits::words_of(iterations) + Bits::words_of(held_out.size());
    const std::size_t layers = networks.front().layers();
    return static_cast<double>(networks.size()) *
           static_cast<double>(sizeof(Outcome) + words * sizeof(std::uint64_t) +
                               layers *
                                   (sizeof(LayerSums) + (diagnose ? sizeof(LayerDiagnostics) : 0)));
  }
  /// Bytes of one network's final weights as an outcome keeps them.
  double weights_bytes() const {
    double count = 0;
    for (std::size_t layer = 0; layer < networks.front().layers(); ++layer)
      count += static_cast<double>(networks.front().weights_of(layer));
    return count * sizeof(std::int64_t);
  }
  /// Bytes of all that the outcomes keep.
  double kept_weights_bytes() const {
    return keep_weights ? static_cast<double>(networks.size()) * weights_bytes() : 0;
  }
  /// Bytes of the outcome of one network, kept weights included.
  double outcome_bytes() const {
    return (outcomes_bytes() + kept_weights_bytes()) / static_cast<double>(networks.size());
  }
};

}  // namespace gridrun
