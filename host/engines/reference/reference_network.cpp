#include "engines/reference/reference_network.hpp"

#include <algorithm>
#include <cmath>

#include "gridrun/count_value.hpp"
#include "gridrun/philox.hpp"
#include "gridrun/weights_digest.hpp"

namespace gridrun {
namespace {

/// Random numbers R of one element of a tensor.
struct Draw {
  const NetworkSpec& spec;
  Drawn tensor;
  std::size_t layer;
  std::uint32_t t;  // the step, or for weights the batch
  std::size_t element;

  std::uint64_t operator()(int n, int random_bits) const {
    const PhiloxBlock block =
        philox({{static_cast<std::uint32_t>(element / 4), t, static_cast<std::uint32_t>(layer),
                 static_cast<std::uint32_t>(tensor)}},
               spec.rounding_seed, rounding_key);
    return random_rest(block.word[element % 4], n, random_bits);
  }
};

/// R in the held-out pass.
struct Half {
  std::uint64_t operator()(int n, int) const { return std::uint64_t{1} << (n - 1); }
};

/// A value at scale 2^-scale rounded to a format's fraction, not yet overflowed.
template <typename Random>
std::int64_t rounded(std::int64_t value, int scale, const Format& format, const Random& random) {
  const int n = scale - format.fraction;
  if (n <= 0) return left_shift(value, -n);
  const bool at_random = format.round == Round::stochastic;
  return round_shift(value, n, format.round, at_random ? random(n, format.random_bits) : 0);
}

/// fit(), and counts the value before it overflows, unless there is nothing to count it.
template <typename Random>
std::int64_t fitted(std::int64_t value, int scale, const Format& format, const Random& random,
                    TensorDiagnostics* counts) {
  const int n = scale - format.fraction;
  if (n <= 0) {
    if (counts != nullptr) count_value(*counts, value, format, -n);
    return overflowed_left_shift(value, -n, format.bits, format.overflow);
  }
  const std::int64_t result = rounded(value, scale, format, random);
  if (counts != nullptr) count_value(*counts, result, format);
  return overflowed(result, format.bits, format.overflow);
}

std::int64_t accumulated(std::int64_t sum, const Format& accumulator, TensorDiagnostics* counts) {
  if (counts != nullptr) count_value(*counts, sum, accumulator);
  return overflowed(sum, accumulator.bits, accumulator.overflow);
}

TensorDiagnostics* of(LayerDiagnostics* counts, Tensor tensor) {
  return counts == nullptr ? nullptr : &counts->of(tensor);
}

/// The first index of the largest activation, compared as binary64.
std::size_t arg_max(const ReferenceNetwork::Values& activations) {
  const auto largest =
      std::max_element(activations.begin(), activations.end(), [](std::int64_t a, std::int64_t b) {
        return static_cast<double>(a) < static_cast<double>(b);
      });
  return static_cast<std::size_t>(largest - activations.begin());
}

}  // namespace

ReferenceNetwork::ReferenceNetwork(const NetworkSpec& spec, const Weights& weights,
                                   std::vector<LayerDiagnostics> diagnostics)
    : spec_(spec),
      has_copies_(spec.formats.has_copies()),
      sums_(spec.layers()),
      diagnostics_(std::move(diagnostics)) {
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer) {
    Values rows;
    rows.reserve(spec_.units_of(layer) * row_length(layer));
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit) {
      const std::size_t inputs = spec_.inputs_of(layer);
      const std::int64_t* const row = &weights[layer][unit * inputs];
      rows.insert(rows.end(), row, row + inputs);
      if (spec_.bias) rows.push_back(0);
    }
    master_.push_back(std::move(rows));
  }
  copy_weights();
}

bool ReferenceNetwork::train(std::span<const double> inputs, std::uint32_t label) {
  batch_.push_back(forward(
      inputs,
      [&](std::size_t layer, std::size_t unit) {
        return Draw{spec_, Drawn::activation, layer, step_, unit};
      },
      [&](std::size_t layer) { return counts_of(layer); }));
  backward(batch_.back(), label);
  count_inactive(batch_.back());
  const bool right = arg_max(batch_.back().back().activations) == label;
  ++step_;
  if (batch_.size() == spec_.batch) update();
  return right;
}

std::size_t ReferenceNetwork::classify(std::span<const double> inputs) const {
  const auto half = [](std::size_t, std::size_t) { return Half{}; };
  const auto uncounted = [](std::size_t) -> Counts { return nullptr; };
  return arg_max(forward(inputs, half, uncounted).back().activations);
}

ReferenceNetwork::Values ReferenceNetwork::quantised(std::span<const double> inputs) const {
  const Format& format = spec_.formats.input;
  Values x;
  x.reserve(inputs.size() + spec_.bias);
  for (const double input : inputs)
    x.push_back(overflowed(quantise(input, format.fraction), format.bits, format.overflow));
  return x;
}

// Paragraph 5.3.
template <typename Random, typename CountsOf>
ReferenceNetwork::Sample ReferenceNetwork::forward(std::span<const double> inputs, Random&& random,
                                                   CountsOf&& counts) const {
  Sample sample(spec_.layers());
  Values a = quantised(inputs);
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer) {
    LayerState& state = sample[layer];
    state.inputs = std::move(a);
    if (spec_.bias) state.inputs.push_back(one_of(spec_.input_format(layer)));
    const int scale = spec_.formats.weight.fraction + spec_.input_format(layer).fraction;
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit) {
      const std::int64_t* v = &product_weights()[layer][unit * row_length(layer)];
      std::int64_t z = 0;
      for (std::size_t k = 0; k < row_length(layer); ++k)
        z = wrapping_add(z, wrapping_multiply(v[k], state.inputs[k]));
      z = accumulated(z, spec_.formats.accumulator, of(counts(layer), Tensor::accumulator));
      state.sums.push_back(z);

      const Activation activation = spec_.activation_of(layer);
      if (activation == Activation::relu) z = std::max<std::int64_t>(z, 0);
      const int leak = activation == Activation::leaky_relu && z <= 0 ? spec_.leak : 0;
      state.activations.push_back(fitted(z, scale + leak, spec_.formats.activation,
                                         random(layer, unit),
                                         of(counts(layer), Tensor::activation)));
    }
    a = state.activations;
  }
  return sample;
}

// Paragraph 5.5.
void ReferenceNetwork::backward(Sample& sample, std::uint32_t label) {
  for (std::size_t layer = spec_.layers(); layer-- > 0;) {
    LayerState& state = sample[layer];
    const bool is_output = layer + 1 == spec_.layers();
    const TensorFormats& formats = spec_.formats;
    const Counts counts = counts_of(layer);
    const int scale =
        is_output ? formats.activation.fraction : formats.weight.fraction + formats.error.fraction;
    const Activation activation = spec_.activation_of(layer);
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit) {
      if (activation == Activation::relu && state.activations[unit] <= 0) {
        state.errors.push_back(0);
        continue;
      }
      const std::int64_t e =
          is_output ? output_error(state, unit, label)
                    : accumulated(hidden_error(sample[layer + 1], layer, unit), formats.accumulator,
                                  of(counts, Tensor::accumulator));
      const int leak =
          activation == Activation::leaky_relu && state.sums[unit] <= 0 ? spec_.leak : 0;
      const Draw draw{spec_, Drawn::error, layer, step_, unit};
      state.errors.push_back(
          fitted(e, scale + leak, formats.error, draw, of(counts, Tensor::error)));
    }
  }
}

std::int64_t ReferenceNetwork::output_error(const LayerState& state, std::size_t unit,
                                            std::uint32_t label) const {
  const std::int64_t target = unit == label ? one_of(spec_.formats.activation) : 0;
  return wrapping_subtract(target, state.activations[unit]);
}

/// A plain sum.
std::int64_t ReferenceNetwork::hidden_error(const LayerState& above, std::size_t layer,
                                            std::size_t unit) const {
  std::int64_t s = 0;
  for (std::size_t j = 0; j < above.errors.size(); ++j)
    s = wrapping_add(
        s, wrapping_multiply(product_weights()[layer + 1][j * row_length(layer + 1) + unit],
                             above.errors[j]));
  return s;
}

/// Whether an error passes whole.
bool ReferenceNetwork::is_active(const LayerState& state, std::size_t layer,
                                 std::size_t unit) const {
  switch (spec_.activation_of(layer)) {
    case Activation::relu:
      return state.activations[unit] > 0;
    case Activation::leaky_relu:
      return state.sums[unit] > 0;
    case Activation::linear:
      break;
  }
  return true;
}

void ReferenceNetwork::count_inactive(const Sample& sample) {
  for (std::size_t layer = 0; layer < diagnostics_.size(); ++layer) {
    bool any_active = false;
    for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit)
      any_active = any_active || is_active(sample[layer], layer, unit);
    LayerDiagnostics& counts = diagnostics_[layer];
    counts.inactive += !any_active;
    counts.last_inactive = any_active ? 0 : counts.last_inactive + 1;
  }
}

// Paragraph 5.6.
void ReferenceNetwork::update() {
  const TensorFormats& formats = spec_.formats;
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer) {
    const int scale = formats.error.fraction + spec_.input_format(layer).fraction;
    const std::size_t units = spec_.units_of(layer);
    for (std::size_t unit = 0; unit < units; ++unit)
      for (std::size_t k = 0; k < row_length(layer); ++k) {
        std::int64_t product = 0;
        for (const Sample& sample : batch_)
          product = wrapping_add(
              product, wrapping_multiply(sample[layer].errors[unit], sample[layer].inputs[k]));
        if (product == 0) continue;  // u = 0 and step = 0, in every rounding
        const Counts counts = counts_of(layer);
        const std::size_t element = k * units + unit;
        const std::int64_t u = fitted(product, scale, formats.gradient,
                                      Draw{spec_, Drawn::gradient, layer, batches_done_, element},
                                      of(counts, Tensor::gradient));
        const int n = formats.gradient.fraction + spec_.lr - formats.master.fraction;
        sums_[layer].abs_update += magnitude(u);
        if (n > 0) sums_[layer].dropped += dropped_by_shift(u, n);
        const std::int64_t step = step_of(u, layer, element);
        std::int64_t& w = master_[layer][unit * row_length(layer) + k];
        const std::int64_t moved = wrapping_add(w, step);
        w = overflowed(moved, formats.master.bits, formats.master.overflow);
        if (counts == nullptr) continue;
        counts->updates += u != 0;
        counts->lost += u != 0 && step == 0;
        counts->step += step;
        counts->product += product;
        count_value(counts->of(Tensor::master), moved, formats.master);
        if (has_copies_ && u != 0)
          fitted(w, formats.master.fraction, formats.weight, Half{}, &counts->of(Tensor::weight));
      }
  }
  copy_weights();
  batch_.clear();
  ++batches_done_;
}

/// u times the learning rate, at the master's fraction.
std::int64_t ReferenceNetwork::step_of(std::int64_t u, std::size_t layer,
                                       std::size_t element) const {
  return rounded(u, spec_.formats.gradient.fraction + spec_.lr, spec_.formats.master,
                 Draw{spec_, Drawn::master, layer, batches_done_, element});
}

// Paragraph 8.5.
std::uint64_t ReferenceNetwork::weights_digest() const {
  std::uint64_t digest = 0, place = 0;
  for (std::size_t layer = 0; layer < spec_.layers(); ++layer)
    for (std::size_t k = 0; k < row_length(layer); ++k)
      for (std::size_t unit = 0; unit < spec_.units_of(layer); ++unit)
        digest += weight_digest(master_[layer][unit * row_length(layer) + k], place++);
  return digest;
}

void ReferenceNetwork::copy_weights() {
  if (!has_copies_) return;
  weight_ = master_;
  for (Values& layer : weight_)
    for (std::int64_t& v : layer) v = fit(v, spec_.formats.master.fraction, spec_.formats.weight);
}

}  // namespace gridrun
