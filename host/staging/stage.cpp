#include "staging/stage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/counted.hpp"
#include "configuration/cells.hpp"
#include "gridrun/error.hpp"
#include "staging/initial_weights.hpp"
#include "staging/legacy_random.hpp"
#include "staging/split.hpp"

namespace gridrun {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

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

/// The normals of all weights of a network.
std::vector<double> draw_normals(LegacyRandom& random, const NetworkSpec& network) {
  std::size_t count = 0;
  for (std::size_t layer = 0; layer < network.layers(); ++layer)
    count += network.units_of(layer) * network.inputs_of(layer);
  std::vector<double> normals(count);
  for (double& normal : normals) normal = random.normal();
  return normals;
}

std::string layers_text(const std::vector<std::uint32_t>& units) {
  return fmt::format("network.layers = [{}]", fmt::join(units, ", "));
}

}  // namespace

Stager::Stager(const Dataset& dataset, Normalise normalise)
    : dataset_(dataset), inputs_(dataset, normalise) {}

const Dataset& Stager::dataset_of(const NetworkSpec& network) const {
  return *inputs_.of(network.draws).dataset;
}

void Stager::check(const NetworkSpec& network) const {
  const auto& units = network.units;
  if (units.front() != dataset_.inputs)
    throw RequestError(fmt::format("{}: {} has {} a sample", layers_text(units), dataset_.name,
                                   counted(dataset_.inputs, "input")));
  if (units.back() < dataset_.classes)
    throw RequestError(fmt::format("{}: {} has {} classes, expected {} at most", layers_text(units),
                                   dataset_.name, dataset_.classes, units.back()));
  drawn_test_samples(network.draws, dataset_);  // it may refuse
  const double largest = inputs_.of(network.draws).largest;
  const bool is_fixed_point = network.arithmetic == Arithmetic::fixed_point;
  if (is_fixed_point && !(std::ldexp(largest, network.formats.input.fraction) < two_to_63))
    throw RequestError(
        fmt::format("dataset.scale = {}: an input of magnitude {} at fraction {} does not fit 64 "
                    "bits",
                    dataset_.scale, largest, network.formats.input.fraction));
  if (!is_fixed_point && !std::isfinite(largest))
    throw RequestError(
        fmt::format("dataset.scale = {}: an input is too large for binary64", dataset_.scale));
  if (is_fixed_point) check_weights(network);
}

void Stager::check_weights(const NetworkSpec& network) const {
  // Of the polar method: at most sqrt(-2 ln r), where r is a sum of squares of multiples of 2^-52.
  constexpr double largest_normal = 12.2;
  const InitialWeights& init = network.init;
  const int fraction = init.unit == WeightUnit::real ? network.formats.master.fraction : 0;
  const auto drawn_weight = [&](double normal, double std) {
    return std::rint(std::ldexp(init.mean + std * normal, fraction));
  };
  const auto fits = [](double weight) { return std::abs(weight) < two_to_63; };
  std::shared_ptr<const Drawn> drawn;
  std::size_t first = 0;
  for (std::size_t layer = 0; layer < network.layers(); ++layer) {
    const std::size_t count = network.units_of(layer) * network.inputs_of(layer);
    const double std = initial_std(network, layer);
    if (!fits(drawn_weight(largest_normal, std)) || !fits(drawn_weight(-largest_normal, std))) {
      if (!drawn) drawn = drawn_for(network);
      for (std::size_t i = first; i < first + count; ++i)
        if (const double weight = drawn_weight(drawn->normals[i], std); !fits(weight))
          throw RequestError(
              fmt::format("init.mean = {} and init.std, {}: a weight of {} does not fit 64 bits",
                          init.mean, std, weight));
    }
    first += count;
  }
}

Stager::Drawn Stager::draw(const NetworkSpec& network) const {
  const Draws& draws = network.draws;
  LegacyRandom random(draws.seed);
  Split parts = split(dataset_, draws, random);
  if (draws.samples_order == SampleOrder::by_label) {
    sort_by_label(parts.train, dataset_);
    sort_by_label(parts.test, dataset_);
  }
  Drawn drawn{draws, network.units, std::move(parts.train), {}, {}};
  if (draws.samples == TrainSamples::train)
    drawn.held_out = std::move(parts.test);
  else
    drawn.order.insert(drawn.order.end(), parts.test.begin(), parts.test.end());
  switch (draws.order) {
    case DrawOrder::shuffle_then_weights:
      drawn.order = shuffle(random, drawn.order);
      drawn.normals = draw_normals(random, network);
      break;
    case DrawOrder::weights_then_shuffle:
      drawn.normals = draw_normals(random, network);
      drawn.order = shuffle(random, drawn.order);
      break;
    case DrawOrder::weights:
      drawn.normals = draw_normals(random, network);
      break;
  }
  return drawn;
}

std::shared_ptr<const Stager::Drawn> Stager::drawn_for(const NetworkSpec& network) const {
  constexpr std::size_t most = 4;
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(drawn_.begin(), drawn_.end(), [&](const auto& drawn) {
    return drawn->draws == network.draws && drawn->units == network.units;
  });
  if (found != drawn_.end()) {
    std::rotate(drawn_.begin(), found, found + 1);
    return drawn_.front();
  }
  if (drawn_.size() == most) drawn_.pop_back();
  drawn_.insert(drawn_.begin(), std::make_shared<const Drawn>(draw(network)));
  return drawn_.front();
}

std::size_t Stager::held_out_of(const NetworkSpec& network) const {
  if (network.draws.samples != TrainSamples::train) return 0;
  const std::size_t test_samples = drawn_test_samples(network.draws, dataset_);
  return test_samples != 0 ? test_samples : dataset_.samples - dataset_.train_samples;
}

StagedSweep Stager::without_draws(std::vector<NetworkSpec> networks, const Kept& kept) const {
  StagedSweep staged;
  staged.dataset = &dataset_of(networks.front());
  staged.iterations = networks.front().iterations;
  const bool is_fixed_point = networks.front().arithmetic == Arithmetic::fixed_point;
  staged.keep_weights = kept.weights && is_fixed_point;
  staged.diagnose = kept.diagnostics && is_fixed_point;
  staged.held_out.resize(held_out_of(networks.front()));
  staged.networks = std::move(networks);
  return staged;
}

StagedSweep Stager::stage(std::vector<NetworkSpec> networks, const Kept& kept) const {
  const auto drawn = drawn_for(networks.front());
  StagedSweep staged = without_draws(std::move(networks), kept);
  staged.order = drawn->order;
  staged.held_out = drawn->held_out;
  staged.normals = drawn->normals;
  return staged;
}

double Stager::memory_needed(const StagedSweep& sweep) const {
  constexpr double bytes_a_sample = 6 * sizeof(std::uint32_t);  // orders, what they are made from
  return 3 * sweep.weights_bytes() +  // the normals, twice, and the weights made of them
         bytes_a_sample * static_cast<double>(dataset_.samples);
}

StagedSweep stage(const Sweep& sweep, const Dataset& dataset) {
  const Stager stager(dataset);
  std::vector<NetworkSpec> networks = networks_of(sweep, units_of(dataset));
  for (const NetworkSpec& network : networks) stager.check(network);
  return stager.stage(std::move(networks), kept_by(sweep));
}

Kept kept_by(const Sweep& sweep) { return {sweep.report.weights, sweep.report.diagnostics}; }

std::vector<std::uint32_t> units_of(const Dataset& dataset) {
  return {static_cast<std::uint32_t>(dataset.inputs), dataset.classes};
}

}  // namespace gridrun
