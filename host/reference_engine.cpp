#include "reference_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parallel.hpp"

namespace gridrun {
namespace {

/// The first index of the largest activation, compared as binary64.
std::size_t arg_max(const std::vector<std::int64_t>& activations) {
  const auto largest =
      std::max_element(activations.begin(), activations.end(), [](std::int64_t a, std::int64_t b) {
        return static_cast<double>(a) < static_cast<double>(b);
      });
  return static_cast<std::size_t>(largest - activations.begin());
}

Outcome train_network(const StagedSweep& sweep, const Network& network, Progress& progress) {
  const auto [lr, fraction] = network;
  const std::int64_t one = std::int64_t{1} << fraction;
  std::vector<std::int64_t> weights = sweep.weights;     // w [outputs][inputs]
  std::vector<std::int64_t> x(sweep.inputs);             // 2^-fraction
  std::vector<std::int64_t> activations(sweep.outputs);  // a, 2^-fraction
  Outcome outcome(sweep.iterations);

  for (std::uint32_t i = 0; i < sweep.iterations; ++i) {
    const std::size_t sample = sweep.sample_of_step(i);
    const std::uint32_t label = sweep.dataset->labels[sample];
    for (std::size_t k = 0; k < sweep.inputs; ++k)
      x[k] = quantise(sweep.dataset->input(sample, k), fraction);

    for (std::size_t j = 0; j < sweep.outputs; ++j) {
      std::int64_t* w = &weights[j * sweep.inputs];
      std::int64_t z = 0;
      for (std::size_t k = 0; k < sweep.inputs; ++k)
        z = wrapping_add(z, wrapping_multiply(w[k], x[k]));
      activations[j] = activate(z, fraction, sweep.activation);

      const std::int64_t target = j == label ? one : 0;
      const std::int64_t d = delta(target, z, fraction, sweep.activation);
      if (d == 0) continue;  // every u is zero
      for (std::size_t k = 0; k < sweep.inputs; ++k) {
        const std::int64_t u = floor_shift(wrapping_multiply(d, x[k]), fraction);
        w[k] = wrapping_add(w[k], floor_shift(u, lr));
        outcome.sum_abs_update += magnitude(u);
        outcome.sum_dropped += dropped_by_shift(u, lr);
      }
    }
    if (arg_max(activations) == label) outcome.set_right(i);

    progress.add(1);
    progress.throw_if_stopped();
  }
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
         in_work * (outputs * inputs + inputs + outputs) * sizeof(std::int64_t);
}

Outcomes ReferenceEngine::train(const StagedSweep& sweep, Progress& progress) {
  Outcomes outcomes(sweep.networks.size());
  parallel_for(outcomes.size(), threads_, [&](std::size_t n) {
    outcomes[n] = train_network(sweep, sweep.networks[n], progress);
  });
  return outcomes;
}

}  // namespace gridrun
