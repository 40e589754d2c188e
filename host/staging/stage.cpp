#include "staging/stage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/counted.hpp"
#include "base/memory.hpp"
#include "data/largest_input.hpp"
#include "gridrun/error.hpp"
#include "staging/initial_weights.hpp"
#include "staging/legacy_random.hpp"

namespace gridrun {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

/// Indices of the samples of both splits.
struct Split {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> test;
};

/// The split that the data come with, or a drawn one of so many test samples. Both parts are in the
/// stored order.
Split split(const Dataset& dataset, std::size_t drawn_test_samples, LegacyRandom& random) {
  std::vector<bool> is_test(dataset.samples);
  if (drawn_test_samples == 0) {
    std::fill(is_test.begin() + static_cast<std::ptrdiff_t>(dataset.train_samples), is_test.end(),
              true);
  } else {
    const auto drawn = random.permutation(dataset.samples);
    for (std::size_t i = 0; i < drawn_test_samples; ++i) is_test[drawn[i]] = true;
  }
  Split split;
  split.train.reserve(dataset.samples);
  for (std::uint32_t i = 0; i < dataset.samples; ++i)
    (is_test[i] ? split.test : split.train).push_back(i);
  return split;
}

void sort_by_label(std::vector<std::uint32_t>& samples, const Dataset& dataset) {
  std::stable_sort(samples.begin(), samples.end(), [&](std::uint32_t a, std::uint32_t b) {
    return dataset.labels[a] < dataset.labels[b];
  });
}

std::vector<std::uint32_t> shuffle(LegacyRandom& random, const std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> shuffled = random.permutation(order.size());
  for (auto& sample : shuffled) sample = order[sample];
  return shuffled;
}

/// The normals of all weights of a network. Throws if one gives a weight of more than 64 bits in
/// any of the networks.
std::vector<double> draw_normals(LegacyRandom& random, const std::vector<NetworkSpec>& networks) {
  const InitialWeights& init = networks.front().init;
  int finest = 0;
  if (init.unit == WeightUnit::real)
    for (const NetworkSpec& network : networks)
      finest = std::max(finest, network.formats.master.fraction);
  std::vector<double> normals;
  for (std::size_t layer = 0; layer < networks.front().layers(); ++layer) {
    const std::size_t count = networks.front().units_of(layer) * networks.front().inputs_of(layer);
    const double std = initial_std(networks.front(), layer);
    normals.reserve(normals.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
      normals.push_back(random.normal());
      const double drawn = std::rint(std::ldexp(init.mean + std * normals.back(), finest));
      if (!(std::abs(drawn) < two_to_63))
        throw RequestError(
            fmt::format("init.mean = {} and init.std, {}: a weight of {} does not fit 64 bits",
                        init.mean, std, drawn));
    }
  }
  return normals;
}

std::string layers_text(const std::vector<std::uint32_t>& units) {
  return fmt::format("network.layers = [{}]", fmt::join(units, ", "));
}

void check_fit(const Dataset& dataset, const StagedSweep& staged) {
  const auto& units = staged.networks.front().units;
  if (units.front() != dataset.inputs)
    throw RequestError(fmt::format("{}: {} has {} a sample", layers_text(units), dataset.name,
                                   counted(dataset.inputs, "input")));
  if (units.back() < dataset.classes)
    throw RequestError(fmt::format("{}: {} has the label {}, expected 0 to {}", layers_text(units),
                                   dataset.name, dataset.classes - 1, units.back() - 1));
  int fraction = 0;
  for (const NetworkSpec& network : staged.networks)
    fraction = std::max(fraction, network.formats.input.fraction);
  const double largest = largest_input(dataset);
  if (!(std::ldexp(largest, fraction) < two_to_63))
    throw RequestError(
        fmt::format("dataset.scale = {}: an input of magnitude {} at fraction {} does not fit 64 "
                    "bits",
                    dataset.scale, largest, fraction));
}

/// Refuses what memory cannot hold beside the data set: orders and normals, an engine's training,
/// and the curves.
void check_memory(const Sweep& sweep, const StagedSweep& staged, const Engine* engine) {
  constexpr double bytes_a_sample = 4 * sizeof(std::uint32_t);  // an order, what it is made from
  constexpr double bytes_a_curve = 2 * 1000 * sizeof(double);   // of points, and as a file has them
  double bytes = 2 * staged.weights_bytes() +  // the normals, and the weights made of them
                 bytes_a_sample * static_cast<double>(staged.dataset->samples);
  if (engine)  // all outcomes are collected
    bytes += engine->memory_needed(staged) + staged.outcomes_bytes() + staged.kept_weights_bytes();
  if (sweep.report.curves) bytes += bytes_a_curve * static_cast<double>(staged.networks.size());
  require_memory(bytes,
                 fmt::format("train.iterations = {}, {}, {} networks", staged.iterations,
                             layers_text(staged.networks.front().units), staged.networks.size()));
}

/// How many samples `dataset.test` takes, 0 where it is not given.
std::size_t drawn_test_samples(const Sweep& sweep, const Dataset& dataset) {
  if (!sweep.dataset.test) {
    if (sweep.train.samples == TrainSamples::train && dataset.train_samples == dataset.samples)
      throw RequestError(fmt::format(
          "train.samples = \"train\": {} has no test split, expected dataset.test", dataset.name));
    return 0;
  }
  if (dataset.train_samples != dataset.samples)
    throw RequestError(fmt::format("dataset.test = {}: {} has a test split of its own",
                                   *sweep.dataset.test, dataset.name));
  const double share = std::rint(*sweep.dataset.test * static_cast<double>(dataset.samples));
  if (share < 1 || share >= static_cast<double>(dataset.samples))
    throw RequestError(fmt::format(
        "dataset.test = {}: that is {} of {} samples, expected one at least, and one to train on",
        *sweep.dataset.test, share, dataset.samples));
  return static_cast<std::size_t>(share);
}

}  // namespace

StagedSweep stage(const Sweep& sweep, const Dataset& dataset, const Engine* engine) {
  StagedSweep staged;
  staged.dataset = &dataset;
  const std::vector<std::uint32_t> of_data = {static_cast<std::uint32_t>(dataset.inputs),
                                              dataset.classes};
  staged.networks =
      networks_of(sweep, sweep.network.layers.empty() ? of_data : sweep.network.layers);
  staged.iterations = sweep.train.iterations;
  staged.keep_weights = sweep.report.weights;
  check_fit(dataset, staged);
  const std::size_t test_samples = drawn_test_samples(sweep, dataset);
  const bool holds_out = sweep.train.samples == TrainSamples::train;
  if (holds_out)  // their number is all that is needed to count the memory
    staged.held_out.resize(test_samples ? test_samples : dataset.samples - dataset.train_samples);
  check_memory(sweep, staged, engine);

  LegacyRandom random(sweep.train.seed);
  Split parts = split(dataset, test_samples, random);
  if (sweep.dataset.order == SampleOrder::by_label) {
    sort_by_label(parts.train, dataset);
    sort_by_label(parts.test, dataset);
  }
  staged.order = std::move(parts.train);
  if (holds_out)
    staged.held_out = std::move(parts.test);
  else
    staged.order.insert(staged.order.end(), parts.test.begin(), parts.test.end());
  const auto draw = [&] { staged.normals = draw_normals(random, staged.networks); };
  switch (sweep.train.draw_order) {
    case DrawOrder::shuffle_then_weights:
      staged.order = shuffle(random, staged.order);
      draw();
      break;
    case DrawOrder::weights_then_shuffle:
      draw();
      staged.order = shuffle(random, staged.order);
      break;
    case DrawOrder::weights:
      draw();
      break;
  }
  return staged;
}

}  // namespace gridrun
