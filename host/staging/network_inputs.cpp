#include "staging/network_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/memory.hpp"
#include "data/largest_input.hpp"
#include "gridrun/error.hpp"
#include "staging/legacy_random.hpp"
#include "staging/split.hpp"

namespace gridrun {
namespace {

/// What is taken from every input of a column, and what the rest is divided by: 0 of a constant
/// column, whose inputs become 0.
struct Column {
  double origin = 0;
  double unit = 0;
};

/// All sums are in the order of the samples.
std::vector<Column> fitted(const Dataset& dataset, Normalise normalise,
                           const std::vector<std::uint32_t>& fit) {
  std::vector<double> least(dataset.inputs), most(dataset.inputs), sum(dataset.inputs),
      squares(dataset.inputs);
  for (std::size_t k = 0; k < dataset.inputs; ++k)
    least[k] = most[k] = dataset.input(fit.front(), k);
  for (const std::uint32_t sample : fit)
    for (std::size_t k = 0; k < dataset.inputs; ++k) {
      const double input = dataset.input(sample, k);
      least[k] = std::min(least[k], input);
      most[k] = std::max(most[k], input);
      sum[k] += input;
    }
  const auto count = static_cast<double>(fit.size());
  std::vector<Column> columns(dataset.inputs);
  if (normalise == Normalise::minmax) {
    for (std::size_t k = 0; k < dataset.inputs; ++k) columns[k] = {least[k], most[k] - least[k]};
    return columns;
  }
  for (std::size_t k = 0; k < dataset.inputs; ++k) columns[k].origin = sum[k] / count;
  for (const std::uint32_t sample : fit)
    for (std::size_t k = 0; k < dataset.inputs; ++k) {
      const double from_mean = dataset.input(sample, k) - columns[k].origin;
      squares[k] += from_mean * from_mean;
    }
  for (std::size_t k = 0; k < dataset.inputs; ++k)
    columns[k].unit = least[k] == most[k] ? 0 : std::sqrt(squares[k] / count);
  return columns;
}

/// Whether networks of these draws train on the same samples.
bool train_on_same(const Draws& a, const Draws& b) {
  return a.samples == b.samples && a.test == b.test && (!a.test || a.seed == b.seed);
}

}  // namespace

Dataset normalised(const Dataset& dataset, Normalise normalise,
                   const std::vector<std::uint32_t>& fit) {
  Dataset result;
  result.name = dataset.name;
  result.samples = dataset.samples;
  result.inputs = dataset.inputs;
  result.train_samples = dataset.train_samples;
  result.labels = dataset.labels;
  result.classes = dataset.classes;
  result.checksum = dataset.checksum;
  const std::vector<Column> columns = fitted(dataset, normalise, fit);
  auto& values = result.values.emplace<1>();
  values.reserve(dataset.samples * dataset.inputs);
  for (std::size_t sample = 0; sample < dataset.samples; ++sample)
    for (std::size_t k = 0; k < dataset.inputs; ++k) {
      const auto [origin, unit] = columns[k];
      const double input = unit == 0 ? 0 : (dataset.input(sample, k) - origin) / unit;
      if (!std::isfinite(input) || !std::isfinite(unit))
        throw RequestError(
            fmt::format("dataset.normalise: input {} of sample {} is {}, expected numbers of which "
                        "sums and differences are finite",
                        k + 1, sample + 1, input));
      values.push_back(input);
    }
  return result;
}

NetworkInputs::NetworkInputs(const Dataset& dataset, Normalise normalise)
    : dataset_(dataset), normalise_(normalise), largest_(largest_input(dataset)) {}

NetworkInputs::Inputs NetworkInputs::of(const Draws& draws) const {
  if (normalise_ == Normalise::none) return {&dataset_, largest_};
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(fitted_.rbegin(), fitted_.rend(), [&](const auto& fitted) {
    return train_on_same(fitted->draws, draws);
  });
  if (known != fitted_.rend()) return {&(*known)->dataset, (*known)->largest};
  const double bytes =
      static_cast<double>(dataset_.samples) *
      (static_cast<double>(dataset_.inputs) * sizeof(double) + 2 * sizeof(std::uint32_t));
  require_memory(bytes, fmt::format("dataset.normalise: {} samples of {} inputs, fitted on {} "
                                    "train splits",
                                    dataset_.samples, dataset_.inputs, fitted_.size() + 1));
  fitted_.push_back(std::make_unique<Fitted>(
      Fitted{draws, normalised(dataset_, normalise_, trained_on(draws)), 0}));
  Fitted& fitted = *fitted_.back();
  fitted.largest = largest_input(fitted.dataset);
  return {&fitted.dataset, fitted.largest};
}

/// In the stored order.
std::vector<std::uint32_t> NetworkInputs::trained_on(const Draws& draws) const {
  if (draws.samples == TrainSamples::train) {
    LegacyRandom random(draws.seed);
    return split(dataset_, draws, random).train;
  }
  std::vector<std::uint32_t> all(dataset_.samples);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace gridrun
