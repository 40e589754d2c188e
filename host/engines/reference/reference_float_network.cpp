#include "engines/reference/reference_float_network.hpp"

#include <algorithm>
#include <cmath>

#include "engines/float_word.hpp"
#include "gridrun/weights_digest.hpp"

namespace gridrun {
namespace {

/// The first index of the largest; what is not a number is never larger.
std::size_t arg_max(const ReferenceFloatNetwork::Values& activations) {
  return static_cast<std::size_t>(std::max_element(activations.begin(), activations.end()) -
                                  activations.begin());
}

}  // namespace

ReferenceFloatNetwork::ReferenceFloatNetwork(const NetworkSpec& spec, const RealWeights& weights)
    : spec_(spec) {
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer) {
    Values rows;
    rows.reserve(spec_.weights_of(layer));
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit) {
      const std::size_t inputs = spec_.inputs_of(layer);
      const double* const row = &weights[layer][unit * inputs];
      rows.insert(rows.end(), row, row + inputs);
      if (spec_.bias) rows.push_back(0.0);
    }
    weights_.push_back(std::move(rows));
  }
}

bool ReferenceFloatNetwork::train(std::span<const double> inputs, std::uint32_t label) {
  batch_.push_back(forward(inputs));
  backward(batch_.back(), label);
  const bool right = arg_max(batch_.back().back().activations) == label;
  if (batch_.size() == spec_.batch) update();
  return right;
}

std::size_t ReferenceFloatNetwork::classify(std::span<const double> inputs) const {
  return arg_max(forward(inputs).back().activations);
}

// Paragraph 10.4.
ReferenceFloatNetwork::Sample ReferenceFloatNetwork::forward(std::span<const double> inputs) const {
  Sample sample(spec_.layers());
  Values a(inputs.begin(), inputs.end());
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer) {
    LayerState& state = sample[layer];
    state.inputs = std::move(a);
    if (spec_.bias) state.inputs.push_back(1.0);
    const std::size_t row_length = spec_.row_length(layer);
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit) {
      const double* const w = &weights_[layer][unit * row_length];
      double z = 0.0;
      for (std::size_t k = 0; k < row_length; ++k)
        if (state.inputs[k] != 0.0) z += w[k] * state.inputs[k];
      state.sums.push_back(z);
      const Activation activation = spec_.activation_of(layer);
      const bool passes = activation == Activation::linear || z > 0.0;
      const double below = activation == Activation::relu ? 0.0 : z * std::ldexp(1.0, -spec_.leak);
      state.activations.push_back(passes ? z : below);
    }
    a = state.activations;
  }
  return sample;
}

// Paragraph 10.5.
void ReferenceFloatNetwork::backward(Sample& sample, std::uint32_t label) const {
  for (std::size_t layer = spec_.layers(); layer-- > 0;) {
    LayerState& state = sample[layer];
    const bool is_output = layer + 1 == spec_.layers();
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit) {
      const double e = is_output ? (unit == label ? 1.0 : 0.0) - state.activations[unit]
                                 : hidden_error(sample[layer + 1], layer, unit);
      const Activation activation = spec_.activation_of(layer);
      const bool passes = activation == Activation::linear || state.sums[unit] > 0.0;
      const double below = activation == Activation::relu ? 0.0 : e * std::ldexp(1.0, -spec_.leak);
      state.errors.push_back(passes ? e : below);
    }
  }
}

double ReferenceFloatNetwork::hidden_error(const LayerState& above, std::size_t layer,
                                           std::size_t unit) const {
  double e = 0.0;
  for (std::size_t j = 0; j < above.errors.size(); ++j)
    if (above.errors[j] != 0.0)
      e += weights_[layer + 1][j * spec_.row_length(layer + 1) + unit] * above.errors[j];
  return e;
}

// Paragraph 10.6.
void ReferenceFloatNetwork::update() {
  const double rate = std::ldexp(1.0, -spec_.lr);
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer)
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit)
      for (std::size_t k = 0; k < spec_.row_length(layer); ++k) {
        double product = 0.0;
        for (const Sample& sample : batch_) {
          const double d = sample[layer].errors[unit], a = sample[layer].inputs[k];
          if (d != 0.0 && a != 0.0) product += d * a;
        }
        weights_[layer][unit * spec_.row_length(layer) + k] += rate * product;
      }
  batch_.clear();
}

// Paragraph 8.5.
std::uint64_t ReferenceFloatNetwork::weights_digest() const {
  std::uint64_t digest = 0, place = 0;
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer)
    for (std::size_t k = 0; k < spec_.row_length(layer); ++k)
      for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit)
        digest +=
            weight_digest(word_of(weights_[layer][unit * spec_.row_length(layer) + k]), place++);
  return digest;
}

}  // namespace gridrun
