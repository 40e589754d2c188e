#include "engines/cpu/floats/train_floats.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <variant>
#include <vector>

#include "base/parallel.hpp"
#include "engines/cpu/floats/float_network.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {
namespace {

/// Reads samples without their zeros.
class SampleReader {
 public:
  explicit SampleReader(const Dataset& dataset) : dataset_(dataset) {
    for (std::size_t byte = 0; byte < of_byte_.size(); ++byte)
      of_byte_[byte] = static_cast<double>(byte) / dataset.scale;
  }

  /// Adds a sample's inputs.
  void add(std::size_t sample, TermLists& inputs) const {
    if (const auto* bytes = std::get_if<0>(&dataset_.values)) {
      const std::uint8_t* const first = bytes->data() + sample * dataset_.inputs;
      for (std::size_t k = 0; k < dataset_.inputs; ++k)
        if (first[k] != 0 && of_byte_[first[k]] != 0.0) inputs.add(k, of_byte_[first[k]]);
    } else {
      for (std::size_t k = 0; k < dataset_.inputs; ++k)
        if (const double x = dataset_.input(sample, k); x != 0.0) inputs.add(k, x);
    }
    inputs.end();
  }

 private:
  const Dataset& dataset_;
  std::array<double, 256> of_byte_;
};

/// Calls pass(first, labels) for successive samples, sample_of(0) ... sample_of(count - 1), up to
/// room() at a time, once the network has their inputs.
template <class SampleOf, class Room, class Pass>
void in_passes(const StagedSweep& sweep, const SampleReader& reader, FloatNetwork& network,
               std::size_t count, const Progress& progress, const SampleOf& sample_of,
               const Room& room, const Pass& pass) {
  std::vector<std::uint32_t> labels;
  for (std::size_t first = 0; first < count; first += labels.size()) {
    progress.throw_if_stopped();
    const std::size_t samples = std::min(room(), count - first);
    network.inputs().clear();
    labels.clear();
    for (std::size_t i = first; i < first + samples; ++i) {
      const std::size_t sample = sample_of(i);
      reader.add(sample, network.inputs());
      labels.push_back(sweep.dataset->labels[sample]);
    }
    pass(first, labels);
  }
}

Outcome train_network(const StagedSweep& sweep, const NetworkSpec& spec, const SampleReader& reader,
                      Progress& progress) {
  FloatNetwork network(spec, initial_reals(sweep, spec));
  Outcome outcome(sweep.iterations, spec.layers());
  in_passes(
      sweep, reader, network, sweep.iterations, progress,
      [&](std::size_t i) { return sweep.sample_of_step(i); }, [&] { return network.room(); },
      [&](std::size_t first, const std::vector<std::uint32_t>& labels) {
        network.train(labels, first, outcome.right);
        progress.add(labels.size());
      });
  outcome.weights_digest = network.weights_digest();
  outcome.held_out_right = Bits(sweep.held_out.size());
  in_passes(
      sweep, reader, network, sweep.held_out.size(), progress,
      [&](std::size_t i) { return sweep.held_out[i]; }, [] { return FloatNetwork::most_samples; },
      [&](std::size_t first, const std::vector<std::uint32_t>& labels) {
        network.judge(labels, first, outcome.held_out_right);
      });
  return outcome;
}

}  // namespace

void train_floats(const StagedSweep& sweep, unsigned threads, Progress& progress,
                  const TakeOutcome& take) {
  const SampleReader reader(*sweep.dataset);
  parallel_for(
      sweep.networks.size(), threads,
      [&](std::size_t n) { take(n, train_network(sweep, sweep.networks[n], reader, progress)); },
      [&] { progress.stop(); });
}

double floats_memory_needed(const StagedSweep& sweep, unsigned threads) {
  double largest = 0;
  for (const NetworkSpec& spec : sweep.networks)
    largest = std::max(largest, FloatNetwork::bytes(spec));
  const auto in_work = static_cast<double>(std::min<std::size_t>(threads, sweep.networks.size()));
  constexpr double kept = 1 << 20;  // by a thread's allocator, of what is free
  return in_work * (sweep.outcome_bytes() + sweep.weights_bytes() + largest + kept);
}

}  // namespace gridrun
