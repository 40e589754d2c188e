// One network in training, word for word as docs/arithmetic.md has it (parts 5 and 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gridrun/arithmetic.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun {

class ReferenceNetwork {
 public:
  using Values = std::vector<std::int64_t>;

  /// `weights` are [layer][unit][input], words of the format `master`, biases left out.
  /// `diagnostics` are [layer], as StartDiagnostics has them; without any, nothing is counted.
  ReferenceNetwork(const NetworkSpec& spec, const Weights& weights,
                   std::vector<LayerDiagnostics> diagnostics = {});

  /// Takes the next sample into the batch, and updates the weights once the batch is full. Returns
  /// whether the step was right. `inputs` are reals.
  bool train(std::span<const double> inputs, std::uint32_t label);

  /// The class that the network gives a sample in the held-out pass.
  std::size_t classify(std::span<const double> inputs) const;

  /// w [layer][unit][input], the bias last.
  const Weights& weights() const { return master_; }
  std::uint64_t weights_digest() const;
  const std::vector<LayerSums>& sums() const { return sums_; }
  const std::vector<LayerDiagnostics>& diagnostics() const { return diagnostics_; }

 private:
  /// What counts values of a layer, or nothing: null.
  using Counts = LayerDiagnostics*;

  /// What one sample left in a layer.
  struct LayerState {
    Values inputs;       // a of the layer below, the bias last
    Values sums;         // z
    Values activations;  // a
    Values errors;       // d
  };
  using Sample = std::vector<LayerState>;  // [layer]

  const Weights& product_weights() const { return has_copies_ ? weight_ : master_; }
  std::size_t row_length(std::size_t layer) const { return spec_.row_length(layer); }
  Values quantised(std::span<const double> inputs) const;
  Counts counts_of(std::size_t layer) {
    return diagnostics_.empty() ? nullptr : &diagnostics_[layer];
  }
  /// counts(layer) is where the values of a layer are counted.
  template <typename Random, typename CountsOf>
  Sample forward(std::span<const double> inputs, Random&& random, CountsOf&& counts) const;
  void backward(Sample& sample, std::uint32_t label);
  std::int64_t output_error(const LayerState& state, std::size_t unit, std::uint32_t label) const;
  std::int64_t hidden_error(const LayerState& above, std::size_t layer, std::size_t unit) const;
  bool is_active(const LayerState& state, std::size_t layer, std::size_t unit) const;
  void count_inactive(const Sample& sample);
  void update();
  std::int64_t step_of(std::int64_t u, std::size_t layer, std::size_t element) const;
  void copy_weights();

  const NetworkSpec spec_;
  const bool has_copies_;  // whether the format `weight` is not `master`
  Weights master_;         // w
  Weights weight_;         // v, the same in the format `weight`; empty without copies
  std::vector<Sample> batch_;
  std::vector<LayerSums> sums_;
  std::vector<LayerDiagnostics> diagnostics_;  // [layer], or none
  std::uint32_t step_ = 0;                     // samples trained on
  std::uint32_t batches_done_ = 0;             //
};

}  // namespace gridrun
