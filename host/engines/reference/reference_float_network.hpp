// One network of binary64 in training, word for word as docs/arithmetic.md has it (part 10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gridrun/network_spec.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {

class ReferenceFloatNetwork {
 public:
  using Values = std::vector<double>;

  /// `weights` are [layer][unit][input], biases left out.
  ReferenceFloatNetwork(const NetworkSpec& spec, const RealWeights& weights);

  /// Takes the next sample into the batch, and updates the weights once the batch is full. Returns
  /// whether the step was right.
  bool train(std::span<const double> inputs, std::uint32_t label);

  /// The class that the network gives a sample in the held-out pass.
  std::size_t classify(std::span<const double> inputs) const;

  std::uint64_t weights_digest() const;

 private:
  /// What one sample left in a layer.
  struct LayerState {
    Values inputs;       // a of the layer below, the bias last
    Values sums;         // z
    Values activations;  // a
    Values errors;       // d
  };
  using Sample = std::vector<LayerState>;  // [layer]

  Sample forward(std::span<const double> inputs) const;
  void backward(Sample& sample, std::uint32_t label) const;
  double hidden_error(const LayerState& above, std::size_t layer, std::size_t unit) const;
  void update();

  const NetworkSpec spec_;
  RealWeights weights_;  // w [layer][unit][input], the bias last
  std::vector<Sample> batch_;
};

}  // namespace gridrun
