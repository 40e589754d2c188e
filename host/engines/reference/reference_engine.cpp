#include "engines/reference/reference_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/parallel.hpp"
#include "engines/reference/reference_float_network.hpp"
#include "engines/reference/reference_network.hpp"
#include "staging/initial_weights.hpp"
#include "staging/start_diagnostics.hpp"

namespace gridrun {
namespace {

/// Which of the held-out samples a trained network gives their label.
template <class Network>
Bits held_out_right(const Network& network, const StagedSweep& sweep, const Progress& progress) {
  Bits right(sweep.held_out.size());
  std::vector<double> inputs(sweep.inputs());
  for (std::size_t i = 0; i < sweep.held_out.size(); ++i) {
    progress.throw_if_stopped();
    const std::size_t sample = sweep.held_out[i];
    for (std::size_t k = 0; k < inputs.size(); ++k) inputs[k] = sweep.dataset->input(sample, k);
    if (network.classify(inputs) == sweep.dataset->labels[sample]) right.set(i);
  }
  return right;
}

/// All steps, for `right` and the held-out pass of an outcome.
template <class Network>
void train_and_judge(Network& network, const StagedSweep& sweep, Progress& progress,
                     Outcome& outcome) {
  std::vector<double> inputs(sweep.inputs());
  for (std::uint32_t i = 0; i < sweep.iterations; ++i) {
    const std::size_t sample = sweep.sample_of_step(i);
    for (std::size_t k = 0; k < inputs.size(); ++k) inputs[k] = sweep.dataset->input(sample, k);
    if (network.train(inputs, sweep.dataset->labels[sample])) outcome.right.set(i);
    progress.add(1);
    progress.throw_if_stopped();
  }
  outcome.held_out_right = held_out_right(network, sweep, progress);
  outcome.weights_digest = network.weights_digest();
}

/// `start` is null where nothing is diagnosed.
Outcome train_network(const StagedSweep& sweep, const NetworkSpec& spec,
                      const StartDiagnostics* start, Progress& progress) {
  Outcome outcome(sweep.iterations, spec.layers());
  if (spec.arithmetic == Arithmetic::binary64) {
    ReferenceFloatNetwork network(spec, initial_reals(sweep, spec));
    train_and_judge(network, sweep, progress, outcome);
    return outcome;
  }
  ReferenceNetwork network(spec, initial_weights(sweep, spec),
                           start ? start->of(spec) : std::vector<LayerDiagnostics>());
  train_and_judge(network, sweep, progress, outcome);
  outcome.layers = network.sums();
  outcome.diagnostics = network.diagnostics();
  if (sweep.keep_weights) outcome.weights = network.weights();
  return outcome;
}

}  // namespace

std::string ReferenceEngine::device() const {
  return fmt::format("{} thread{}", threads_, threads_ == 1 ? "" : "s");
}

double ReferenceEngine::memory_needed(const StagedSweep& sweep) const {
  const NetworkSpec& network = sweep.networks.front();
  const auto in_work = static_cast<double>(std::min<std::size_t>(threads_, sweep.networks.size()));
  std::uint32_t batch = 1;
  for (const NetworkSpec& spec : sweep.networks) batch = std::max(batch, spec.batch);
  double values = 2.0 * static_cast<double>(sweep.inputs());  // of a sample
  for (std::size_t layer = 0; layer < network.layers(); ++layer)
    values += static_cast<double>(network.row_length(layer) + 6 * network.units_of(layer) + 16);
  // Weights: initial ones, master ones or copies of them, and those of the network before, which
  // the allocator may keep.
  const double bytes_in_work =
      3 * sweep.weights_bytes() + (1.0 + batch) * values * sizeof(std::int64_t);
  return in_work * (sweep.outcome_bytes() + bytes_in_work);
}

void ReferenceEngine::train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) {
  std::optional<StartDiagnostics> start;
  if (sweep.diagnose) start.emplace(sweep);
  parallel_for(
      sweep.networks.size(), threads_,
      [&](std::size_t n) {
        take(n, train_network(sweep, sweep.networks[n], start ? &*start : nullptr, progress));
      },
      [&] { progress.stop(); });
}

}  // namespace gridrun
