#include "engines/cpu/floats/float_network.hpp"

#include <algorithm>
#include <cmath>

#include "engines/float_word.hpp"
#include "gridrun/weights_digest.hpp"

namespace gridrun {

FloatNetwork::Layer::Layer(const NetworkSpec& spec, std::size_t layer,
                           const std::vector<double>& initial)
    : activation(spec.activation_of(layer)),
      inputs(spec.inputs_of(layer)),
      row_count(spec.row_length(layer)),
      units(spec.units_of(layer)),
      stride(padded(units)),
      weights(row_count * stride),
      partial(spec.batch > most_samples ? weights.size() : 0) {
  for (std::size_t j = 0; j < units; ++j)
    for (std::size_t k = 0; k < inputs; ++k) weights[k * stride + j] = initial[j * inputs + k];
}

FloatNetwork::FloatNetwork(const NetworkSpec& spec, const RealWeights& weights)
    : batch_(spec.batch),
      bias_(spec.bias),
      slope_(std::ldexp(1.0, -spec.leak)),
      rate_(std::ldexp(1.0, -spec.lr)) {
  layers_.reserve(spec.layers());
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    layers_.emplace_back(spec, layer, weights[layer]);
}

std::size_t FloatNetwork::room() const { return std::min(batch_ - in_batch_, most_samples); }

void FloatNetwork::train(std::span<const std::uint32_t> labels, std::size_t first, Bits& right) {
  forward();
  set_right(labels, first, right);
  backward(labels);
  update(labels.size());
}

void FloatNetwork::judge(std::span<const std::uint32_t> labels, std::size_t first, Bits& right) {
  forward();
  set_right(labels, first, right);
}

double FloatNetwork::activated(const Layer& layer, double z) const {
  if (layer.activation == Activation::linear || z > 0.0) return z;
  return layer.activation == Activation::relu ? 0.0 : z * slope_;
}

void FloatNetwork::forward() {
  const std::size_t samples = inputs_.size();
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    layer.terms.clear();
    layer.terms_are_finite = true;
    for (std::size_t s = 0; s < samples; ++s) {
      if (l == 0) {
        layer.terms.add_all(inputs_[s]);
      } else {
        const Layer& below = layers_[l - 1];
        const double* const z = &below.sums[s * below.stride];
        for (std::size_t k = 0; k < layer.inputs; ++k)
          if (const double a = activated(below, z[k]); a != 0.0) {
            layer.terms.add(k, a);
            layer.terms_are_finite = layer.terms_are_finite && std::isfinite(a);
          }
      }
      if (bias_) layer.terms.add(layer.inputs, 1.0);
      layer.terms.end();
    }
    layer.sums.resize(std::max(layer.sums.size(), samples * layer.stride));
    sum_rows({layer.weights.data(), layer.stride}, layer.row_count, layer.units, layer.terms,
             layer.rows(layer.sums), scratch_);
  }
}

void FloatNetwork::set_right(std::span<const std::uint32_t> labels, std::size_t first,
                             Bits& right) const {
  const Layer& last = layers_.back();
  for (std::size_t s = 0; s < labels.size(); ++s) {
    const double* const z = &last.sums[s * last.stride];
    std::size_t best = 0;
    for (std::size_t j = 1; j < last.units; ++j)
      if (activated(last, z[j]) > activated(last, z[best])) best = j;
    if (best == labels[s]) right.set(first + s);
  }
}

void FloatNetwork::backward(std::span<const std::uint32_t> labels) {
  const std::size_t samples = labels.size();
  for (std::size_t l = layers_.size(); l-- > 0;) {
    Layer& layer = layers_[l];
    layer.errors.resize(std::max(layer.errors.size(), samples * layer.stride));
    const bool is_output = l + 1 == layers_.size();
    error_terms_.clear();
    for (std::size_t s = 0; s < samples; ++s) {
      const double* const z = &layer.sums[s * layer.stride];
      double* const d = &layer.errors[s * layer.stride];
      for (std::size_t j = 0; j < layer.units; ++j) {
        const double e = is_output ? (j == labels[s] ? 1.0 : 0.0) - activated(layer, z[j])
                                   : below_[s * layer.stride + j];
        const bool passes = layer.activation == Activation::linear || z[j] > 0.0;
        d[j] = passes ? e : layer.activation == Activation::relu ? 0.0 : e * slope_;
      }
      if (l > 0) error_terms_.add_all(d, layer.units);
      error_terms_.end();
    }
    if (l == 0) return;
    below_.resize(std::max(below_.size(), samples * layers_[l - 1].stride));
    sum_columns({layer.weights.data(), layer.stride}, layer.inputs, layer.units, error_terms_,
                layers_[l - 1].rows(below_), scratch_);
  }
}

void FloatNetwork::update(std::size_t samples) {
  const bool is_first = in_batch_ == 0;
  in_batch_ += samples;
  const bool is_last = in_batch_ == batch_;
  if (is_last) in_batch_ = 0;
  for (Layer& layer : layers_) {
    if (samples > 1 || !layer.partial.empty()) by_row_.transpose(layer.terms, layer.row_count);
    update_rows(layer.rows(layer.weights), layer.row_count, layer.units,
                {layer.terms,
                 by_row_,
                 {layer.errors.data(), layer.stride},
                 layer.terms_are_finite,
                 rate_,
                 layer.partial.empty() ? nullptr : layer.partial.data(),
                 is_first,
                 is_last},
                scratch_);
  }
}

// Paragraph 8.5.
std::uint64_t FloatNetwork::weights_digest() const {
  std::uint64_t digest = 0, place = 0;
  for (const Layer& layer : layers_)
    for (std::size_t k = 0; k < layer.row_count; ++k)
      for (std::size_t j = 0; j < layer.units; ++j)
        digest += weight_digest(word_of(layer.weights[k * layer.stride + j]), place++);
  return digest;
}

double FloatNetwork::bytes(const NetworkSpec& spec) {
  const double samples = static_cast<double>(std::min<std::size_t>(spec.batch, most_samples));
  constexpr double of_term = 2 * (sizeof(double) + sizeof(std::uint32_t));  // a vector may double
  constexpr double objects = 4096;
  double weights = 0, widest = 0, of_sample = 0, rows = 0;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const auto row_count = static_cast<double>(spec.row_length(layer));
    const auto stride = static_cast<double>(padded(spec.units_of(layer)));
    weights += row_count * stride;
    widest = std::max({widest, row_count, stride});
    of_sample += row_count * of_term + 2 * stride * sizeof(double);
    rows = std::max(rows, row_count);
  }
  const double parts = spec.batch > most_samples ? 2 : 1;
  return objects + parts * weights * sizeof(double) +
         samples * (of_sample + widest * (3 * of_term + sizeof(double)) + 1024) +
         rows * sizeof(std::size_t);
}

}  // namespace gridrun
