// One network of binary64 in training, in SIMD: lanes are the units of a layer, whose weights lie
// input by input. Equal to ReferenceFloatNetwork in every bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engines/cpu/floats/float_kernels.hpp"
#include "engines/cpu/floats/term_lists.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {

class FloatNetwork {
 public:
  /// Samples that pass together at most.
  static constexpr std::size_t most_samples = 128;

  /// `weights` are [layer][unit][input], biases left out.
  FloatNetwork(const NetworkSpec& spec, const RealWeights& weights);

  /// Samples that train() may take next: no more than the batch has left.
  std::size_t room() const;

  /// Trains on the samples that inputs() has, at most room(), and updates the weights once the
  /// batch is full. Sets right[first], right[first + 1] ... where a step was right.
  void train(std::span<const std::uint32_t> labels, std::size_t first, Bits& right);

  /// Sets the same by the held-out pass of the samples that inputs() has.
  void judge(std::span<const std::uint32_t> labels, std::size_t first, Bits& right);

  /// Of the next samples, filled by the caller: inputs that are not 0, without a bias. Inputs are
  /// finite.
  TermLists& inputs() { return inputs_; }

  std::uint64_t weights_digest() const;

  /// Bytes of a network in training at most.
  static double bytes(const NetworkSpec& spec);

 private:
  struct Layer {
    Layer(const NetworkSpec& spec, std::size_t layer, const std::vector<double>& initial);

    FloatRows<double> rows(std::vector<double>& values) const { return {values.data(), stride}; }

    Activation activation;
    std::size_t inputs, row_count, units;  // rows: inputs, and the bias
    std::size_t stride;                    // of rows: units, padded
    std::vector<double> weights;           // [input][unit], the bias last
    std::vector<double> partial;           // P, the same; empty where no batch is cut
    TermLists terms;                       // [sample], a of the layer below, the bias last
    std::vector<double> sums;              // z [sample][unit]
    std::vector<double> errors;            // d [sample][unit], 0 in the padding
    bool terms_are_finite = true;
  };

  void forward();
  void set_right(std::span<const std::uint32_t> labels, std::size_t first, Bits& right) const;
  void backward(std::span<const std::uint32_t> labels);
  void update(std::size_t samples);
  double activated(const Layer& layer, double z) const;

  const std::size_t batch_;
  const bool bias_;
  const double slope_;  // of leaky_relu where z <= 0
  const double rate_;
  std::vector<Layer> layers_;
  TermLists inputs_;
  TermLists error_terms_;      // [sample], d of a layer
  TermLists by_row_;           // [row], terms of a layer
  std::vector<double> below_;  // e [sample][unit] of the layer below
  FloatScratch scratch_;
  std::size_t in_batch_ = 0;  // samples of the batch that were trained on
};

}  // namespace gridrun
