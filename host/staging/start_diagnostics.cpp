#include "staging/start_diagnostics.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <variant>

#include "gridrun/count_value.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {
namespace {

/// Counts a real in the format of inputs.
void count_input(TensorDiagnostics& of, double input, const Format& format) {
  count_value(of, quantise(input, format.fraction), format);
}

/// Counts the value 1, which is not among those that overflow.
void count_one(TensorDiagnostics& of, const Format& format) {
  of.bits = std::max(of.bits, word_width(1, format.overflow, format.fraction));
}

/// Counts the weights that some normals make.
void count_weights(std::span<const double> normals, const NetworkSpec& spec, std::size_t layer,
                   TensorDiagnostics& of_master, TensorDiagnostics& of_weight) {
  const Format &master = spec.formats.master, &weight = spec.formats.weight;
  const int n = master.fraction - weight.fraction;
  const WeightDraw draw(spec, layer);
  for (const double normal : normals) {
    const std::int64_t drawn = draw(normal);
    count_value(of_master, drawn, master);
    if (weight == master) continue;
    const std::int64_t w = overflowed(drawn, master.bits, master.overflow);
    if (n > 0)
      count_value(of_weight, round_shift(w, n, weight.round, 0), weight);
    else
      count_value(of_weight, w, weight, -n);
  }
}

}  // namespace

StartDiagnostics::StartDiagnostics(const StagedSweep& sweep)
    : sweep_(sweep),
      samples_(std::min<std::size_t>(sweep.iterations, sweep.order.size())),
      inputs_range_(input_range()) {
  const NetworkSpec& spec = sweep.networks.front();
  weights_.push_back(0);
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    weights_.push_back(weights_.back() + spec.inputs_of(layer) * spec.units_of(layer));
    const auto [least, largest] = std::minmax_element(
        sweep.normals.begin() + static_cast<std::ptrdiff_t>(weights_[layer]),
        sweep.normals.begin() + static_cast<std::ptrdiff_t>(weights_[layer + 1]));
    normals_.push_back({*least, *largest});
  }
}

std::vector<LayerDiagnostics> StartDiagnostics::of(const NetworkSpec& spec) const {
  const TensorFormats& formats = spec.formats;
  std::vector<LayerDiagnostics> layers(spec.layers());
  layers.front().of(Tensor::input) = inputs_of(formats.input);
  if (spec.bias) {
    count_one(layers.front().of(Tensor::input), formats.input);
    for (LayerDiagnostics& layer : layers)
      count_one(layer.of(Tensor::activation), formats.activation);
  }
  count_one(layers.back().of(Tensor::activation), formats.activation);
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto count = [&](std::span<const double> normals) {
      TensorDiagnostics master, weight;
      count_weights(normals, spec, layer, master, weight);
      layers[layer].of(Tensor::master) = master;
      layers[layer].of(Tensor::weight) = weight;
      return master.overflowed + weight.overflowed;
    };
    const double ends[] = {normals_[layer].least, normals_[layer].largest};
    if (count(ends) != 0)
      count(std::span(sweep_.normals)
                .subspan(weights_[layer], weights_[layer + 1] - weights_[layer]));
  }
  return layers;
}

StartDiagnostics::Range StartDiagnostics::input_range() const {
  return std::visit(
      [&](const auto& stored) {
        auto least = stored[sweep_.order.front() * sweep_.inputs()], largest = least;
        using Limits = std::numeric_limits<decltype(least)>;
        for (std::size_t place = 0; place < samples_; ++place) {
          if (least == Limits::lowest() && largest == Limits::max()) break;  // as of bytes, soon
          const auto* const sample = &stored[sweep_.order[place] * sweep_.inputs()];
          for (std::size_t k = 0; k < sweep_.inputs(); ++k) {
            least = std::min(least, sample[k]);
            largest = std::max(largest, sample[k]);
          }
        }
        const double scale = sweep_.dataset->scale;
        return Range{least / scale, largest / scale};
      },
      sweep_.dataset->values);
}

TensorDiagnostics StartDiagnostics::inputs_of(const Format& format) const {
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(inputs_.begin(), inputs_.end(),
                                  [&](const auto& of) { return of.first == format; });
  if (known != inputs_.end()) return known->second;
  TensorDiagnostics counts;
  count_input(counts, inputs_range_.least, format);
  count_input(counts, inputs_range_.largest, format);
  if (counts.overflowed != 0) counts.overflowed = overflowing_inputs(format);
  inputs_.emplace_back(format, counts);
  return counts;
}

std::uint64_t StartDiagnostics::overflowing_inputs(const Format& format) const {
  const auto overflows = [&](double input) {
    TensorDiagnostics counts;
    count_input(counts, input, format);
    return counts.overflowed != 0;
  };
  const Dataset& dataset = *sweep_.dataset;
  std::uint64_t count = 0;
  if (dataset.values.index() == 0) {
    if (byte_counts_.empty()) byte_counts_ = count_bytes();
    for (std::size_t byte = 0; byte < byte_counts_.size(); ++byte)
      if (overflows(static_cast<double>(byte) / dataset.scale)) count += byte_counts_[byte];
    return count;
  }
  for (std::size_t place = 0; place < samples_; ++place) {
    std::uint64_t of_sample = 0;
    for (std::size_t k = 0; k < sweep_.inputs(); ++k)
      of_sample += overflows(dataset.input(sweep_.order[place], k));
    count += of_sample * steps_on(place);
  }
  return count;
}

/// How often each byte is an input of a step.
std::vector<std::uint64_t> StartDiagnostics::count_bytes() const {
  std::vector<std::uint64_t> counts(256);
  for (std::size_t place = 0; place < samples_; ++place) {
    const std::uint32_t steps = steps_on(place);
    const std::uint8_t* const sample =
        &std::get<0>(sweep_.dataset->values)[sweep_.order[place] * sweep_.inputs()];
    const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
    constexpr std::size_t some = 16;  // of which often all are zero
    for (std::size_t first = 0; first < sweep_.inputs(); first += some) {
      const std::uint8_t* const begin = sample + first;
      const std::size_t size = std::min(some, sweep_.inputs() - first);
      if (std::all_of(begin, begin + size, is_zero))
        counts[0] += size * steps;
      else
        for (std::size_t k = 0; k < size; ++k) counts[begin[k]] += steps;
    }
  }
  return counts;
}

/// Steps that train on the sample at a place of the order.
std::uint32_t StartDiagnostics::steps_on(std::size_t place) const {
  const auto count = static_cast<std::uint32_t>(sweep_.order.size());
  return sweep_.iterations / count + (place < sweep_.iterations % count);
}

}  // namespace gridrun
