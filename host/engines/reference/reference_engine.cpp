#include "engines/reference/reference_engine.hpp"

#include <fmt/format.h>

#include "base/parallel.hpp"
#include "engines/reference/reference_network.hpp"

namespace gridrun {
namespace {

/// A network of the study as the definition has it: one layer, one format for every tensor.
NetworkSpec spec_of(const StagedSweep& sweep, const Network& network) {
  NetworkSpec spec;
  spec.units = {static_cast<std::uint32_t>(sweep.inputs),
                static_cast<std::uint32_t>(sweep.outputs)};
  spec.activation = spec.output_activation = sweep.activation;
  Format format;
  format.fraction = network.fraction;
  Format input = format;
  input.round = Round::nearest_even;
  spec.formats = {input, format, format, Format{}, format, format, format};
  spec.lr = network.lr;
  return spec;
}

Outcome train_network(const StagedSweep& sweep, const Network& cell, Progress& progress) {
  ReferenceNetwork network(spec_of(sweep, cell), {sweep.weights});
  std::vector<double> inputs(sweep.inputs);
  Outcome outcome(sweep.iterations);
  for (std::uint32_t i = 0; i < sweep.iterations; ++i) {
    const std::size_t sample = sweep.sample_of_step(i);
    for (std::size_t k = 0; k < sweep.inputs; ++k) inputs[k] = sweep.dataset->input(sample, k);
    if (network.train(inputs, sweep.dataset->labels[sample])) outcome.set_right(i);
    progress.add(1);
    progress.throw_if_stopped();
  }
  outcome.sum_abs_update = network.sums().front().abs_update;
  outcome.sum_dropped = network.sums().front().dropped;
  return outcome;
}

}  // namespace

std::string ReferenceEngine::device() const {
  return fmt::format("{} thread{}", threads_, threads_ == 1 ? "" : "s");
}

double ReferenceEngine::memory_needed(const StagedSweep& sweep) const {
  const auto inputs = static_cast<double>(sweep.inputs);
  const auto outputs = static_cast<double>(sweep.outputs);
  const auto in_work = static_cast<double>(std::min<std::size_t>(threads_, sweep.networks.size()));
  return outcomes_bytes(sweep.networks.size(), sweep.iterations) +
         in_work * (outputs * inputs + 3 * inputs + 8 * outputs) * sizeof(std::int64_t);
}

Outcomes ReferenceEngine::train(const StagedSweep& sweep, Progress& progress) {
  Outcomes outcomes(sweep.networks.size());
  parallel_for(outcomes.size(), threads_, [&](std::size_t n) {
    outcomes[n] = train_network(sweep, sweep.networks[n], progress);
  });
  return outcomes;
}

}  // namespace gridrun
