#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/counted.hpp"
#include "base/memory.hpp"
#include "gridrun/engine.hpp"
#include "gridrun/error.hpp"
#include "gridrun/staged_sweep.hpp"
#include "staging/legacy_random.hpp"

namespace gridrun {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

/// The samples before any shuffle: as stored, or by label within the train and the test split.
std::vector<std::uint32_t> unshuffled(const Dataset& dataset, SampleOrder order) {
  std::vector<std::uint32_t> samples(dataset.samples);
  std::iota(samples.begin(), samples.end(), 0U);
  if (order == SampleOrder::by_label) {
    const auto by_label = [&](std::uint32_t a, std::uint32_t b) {
      return dataset.labels[a] < dataset.labels[b];
    };
    const auto test = samples.begin() + static_cast<std::ptrdiff_t>(dataset.train_samples);
    std::stable_sort(samples.begin(), test, by_label);
    std::stable_sort(test, samples.end(), by_label);
  }
  return samples;
}

std::vector<std::uint32_t> shuffle(LegacyRandom& random, const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> shuffled = random.permutation(order.size());
  for (auto& sample : shuffled) sample = order[sample];
  return shuffled;
}

std::vector<std::int64_t> draw_weights(LegacyRandom& random, std::size_t count, double mean,
                                       double std) {
  std::vector<std::int64_t> weights(count);
  for (auto& weight : weights) {
    const double drawn = std::rint(mean + std * random.normal());
    if (!(std::abs(drawn) < two_to_63))
      throw RequestError(
          fmt::format("init.mean = {} and init.std = {}: a weight of {} does not fit 64 bits", mean,
                      std, drawn));
    weight = static_cast<std::int64_t>(drawn);
  }
  return weights;
}

/// The largest |stored value|.
double largest_value(const Dataset& dataset) {
  if (const auto* bytes = std::get_if<0>(&dataset.values)) {
    constexpr std::uint8_t most = 255;
    if (std::memchr(bytes->data(), most, bytes->size())) return most;  // pictures have one soon
    std::uint8_t largest = 0;  // a byte, not a double: 16 or more at a time, of tens of millions
    for (const std::uint8_t byte : *bytes) largest = std::max(largest, byte);
    return largest;
  }
  double largest = 0.0;
  for (const double value : std::get<1>(dataset.values))
    largest = std::max(largest, std::abs(value));
  return largest;
}

void check_fit(const Sweep& sweep, const Dataset& dataset, const StagedSweep& staged) {
  const auto& layers = sweep.network.layers;
  if (staged.inputs != dataset.inputs)
    throw RequestError(fmt::format("network.layers = [{}, {}]: {} has {} a sample", layers[0],
                                   layers[1], dataset.name, counted(dataset.inputs, "input")));
  if (staged.outputs < dataset.classes)
    throw RequestError(
        fmt::format("network.layers = [{}, {}]: {} has the label {}, expected 0 to {}", layers[0],
                    layers[1], dataset.name, dataset.classes - 1, staged.outputs - 1));
  const int fraction = *std::max_element(sweep.grid.fraction.begin(), sweep.grid.fraction.end());
  const double largest = largest_value(dataset) / dataset.scale;
  if (!(std::ldexp(largest, fraction) < two_to_63))
    throw RequestError(
        fmt::format("dataset.scale = {}: an input of magnitude {} at fraction {} does not fit 64 "
                    "bits",
                    dataset.scale, largest, fraction));
}

/// Refuses what memory cannot hold beside the data set: the order and the weights, an engine's
/// training, and the curves.
void check_memory(const Sweep& sweep, const StagedSweep& staged, const Engine* engine) {
  constexpr double bytes_a_sample = 4 * sizeof(std::uint32_t);  // an order, what it is made from
  constexpr double bytes_a_curve = 2 * 1000 * sizeof(double);   // of points, and as a file has them
  const double weights = static_cast<double>(staged.outputs) * static_cast<double>(staged.inputs);
  double bytes = weights * sizeof(std::int64_t) +
                 bytes_a_sample * static_cast<double>(staged.dataset->samples);
  if (engine) bytes += engine->memory_needed(staged);
  if (sweep.report.curves) bytes += bytes_a_curve * static_cast<double>(staged.networks.size());
  require_memory(
      bytes, fmt::format("train.iterations = {}, network.layers = [{}, {}], {} networks",
                         staged.iterations, staged.inputs, staged.outputs, staged.networks.size()));
}

}  // namespace

StagedSweep stage(const Sweep& sweep, const Dataset& dataset, const Engine* engine) {
  StagedSweep staged;
  staged.dataset = &dataset;
  staged.networks = networks_of(sweep);
  staged.inputs = sweep.network.layers.empty() ? dataset.inputs : sweep.network.layers.front();
  staged.outputs = sweep.network.layers.empty() ? dataset.classes : sweep.network.layers.back();
  staged.iterations = sweep.train.iterations;
  staged.activation = sweep.network.activation;
  check_fit(sweep, dataset, staged);
  check_memory(sweep, staged, engine);

  LegacyRandom random(sweep.train.seed);
  const auto weights = [&] {
    staged.weights =
        draw_weights(random, staged.outputs * staged.inputs, sweep.init.mean, sweep.init.std);
  };
  staged.order = unshuffled(dataset, sweep.dataset.order);
  switch (sweep.train.draw_order) {
    case DrawOrder::shuffle_then_weights:
      staged.order = shuffle(random, staged.order);
      weights();
      break;
    case DrawOrder::weights_then_shuffle:
      weights();
      staged.order = shuffle(random, staged.order);
      break;
    case DrawOrder::weights:
      weights();
      break;
  }
  return staged;
}

}  // namespace gridrun
