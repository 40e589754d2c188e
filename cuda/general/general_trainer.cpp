#include "general/general_trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "batches/batch_passes.hpp"
#include "device_buffer.hpp"
#include "general/network_kinds.hpp"
#include "general/network_memory.hpp"
#include "general/step_samples.hpp"
#include "memory_for_networks.hpp"

namespace gridrun::cuda {
namespace {

constexpr std::uint32_t networks_of_multiprocessor = 16;  // at once, so that launches end soon
constexpr double launch_seconds = 0.1;                    // about, for the same reason
constexpr std::uint32_t first_steps = 16;                 // of the first launch

/// Trains networks of one kind.
template <typename Word>
class NetworkTrainer {
 public:
  /// `normals`: the sweep's, on the device.
  NetworkTrainer(Device& device, const StagedSweep& sweep, const double* normals,
                 const NetworkPlaces& places, const NetworkLaunch& launch, const Tuning& tuning,
                 Progress& progress, BatchedEngine::Record& record)
      : device_(device),
        sweep_(sweep),
        normals_(normals),
        places_(places),
        launch_(launch),
        tuning_(tuning),
        progress_(progress),
        record_(record),
        place_list_(device, places.layers),
        samples_(*sweep.dataset) {}

  /// Trains a batch of networks, indices of the sweep's.
  void train(std::span<const std::size_t> batch, const TakeOutcome& take) {
    const std::size_t count = batch.size(), layers = places_.layers.size();
    launch_.networks = static_cast<std::uint32_t>(count);

    std::vector<DeviceNetwork> networks;
    std::vector<LayerArithmetic> arithmetic;
    std::vector<DrawnWeights> drawn;
    InputFormats formats;
    bool copies = false;
    for (const std::size_t n : batch) {
      const NetworkSpec& spec = sweep_.networks[n];
      DeviceNetwork& network = networks.emplace_back(device_network(spec));
      network.input_list = formats.add(spec);
      copies |= network.has_copies;
      const auto of_layers = layer_arithmetic(spec);
      arithmetic.insert(arithmetic.end(), of_layers.begin(), of_layers.end());
      const auto draws = drawn_weights(spec);
      drawn.insert(drawn.end(), draws.begin(), draws.end());
    }

    const DeviceBuffer<DeviceNetwork> device_networks(device_, networks);
    const DeviceBuffer<LayerArithmetic> device_arithmetic(device_, arithmetic);
    const DeviceBuffer<std::int64_t> byte_words(device_, formats.byte_words(sweep_.dataset->scale));
    const DeviceBuffer<DrawnWeights> device_drawn(device_, drawn);
    DeviceBuffer<Word> weights(device_, count * places_.weights);
    const DeviceBuffer<std::int64_t> vectors(
        device_, launch_.shared_vectors ? 0 : count * places_.vector_words);
    DeviceBuffer<LayerSums> lane_sums(device_, count * layers * launch_.lanes);
    DeviceBuffer<LayerDiagnostics> lane_counts(device_, launch_.counts ? lane_sums.size() : 0);
    const DeviceBuffer<LayerSums> sums(device_, count * layers);
    const DeviceBuffer<LayerDiagnostics> counts(device_, launch_.counts ? sums.size() : 0);
    DeviceBuffer<std::uint64_t> digests(device_, count);
    const std::size_t right_words = 2 * Bits::words_of(sweep_.iterations);  // of 32 bits
    DeviceBuffer<std::uint32_t> right(device_, count * right_words);
    by_cycles_.resize(count);
    std::iota(by_cycles_.begin(), by_cycles_.end(), 0U);
    order_ = DeviceBuffer<std::uint32_t>(device_, by_cycles_);
    cycles_ = DeviceBuffer<std::uint64_t>(device_, count);
    lane_sums.clear();
    lane_counts.clear();
    digests.clear();
    right.clear();
    weights.clear();

    NetworkArguments arguments{};
    arguments.networks = device_networks.data();
    arguments.arithmetic = device_arithmetic.data();
    arguments.places = place_list_.data();
    arguments.vector_words = places_.vector_words;
    arguments.shared = launch_.shared;
    arguments.shared_sums = launch_.shared_sums;
    arguments.drawn = device_drawn.data();
    arguments.normals = normals_;
    arguments.byte_words = byte_words.data();
    arguments.weights = weights.data();
    arguments.global_vectors = vectors.data();
    arguments.lane_sums = lane_sums.data();
    arguments.lane_counts = lane_counts.data();
    arguments.right = right.data();
    arguments.sums = sums.data();
    arguments.counts = counts.data();
    arguments.digests = digests.data();
    arguments.order = order_.data();
    arguments.cycles = cycles_.data();
    arguments.weights_stride = places_.weights;
    arguments.right_stride = static_cast<std::uint32_t>(right_words);
    arguments.layers = static_cast<std::uint32_t>(layers);
    arguments.lanes = launch_.lanes;
    arguments.network_count = launch_.networks;
    device_.start_timer();
    device_.draw_weights(launch_, arguments);
    passes_.reset();
    if (launch_.batch > 1) {
      passes_.emplace(device_, places_, launch_, formats.all(), sweep_.dataset->scale,
                      launch_.networks, sweep_.held_out.size(), copies, tuning_.launch_blocks,
                      progress_);
      passes_->begin(arguments);
    }
    run(launch_, arguments, sweep_.order, sweep_.iterations);
    device_.total(launch_, arguments);
    const std::vector<std::uint32_t> held_out_right = judge(arguments);
    progress_.throw_if_stopped();
    record_.kernel_seconds += device_.seconds();
    record_.batches += 1;

    const std::vector<LayerSums> all_sums = sums.download();
    std::vector<LayerDiagnostics> all_counts = counts.download();
    if (passes_ && launch_.counts) {
      const std::vector<std::uint64_t> last_active = passes_->last_active();
      for (std::size_t i = 0; i < all_counts.size(); ++i)
        all_counts[i].last_inactive = sweep_.iterations - last_active[i];
    }
    const std::vector<std::uint64_t> all_digests = digests.download();
    for (std::size_t i = 0; i < count; ++i) {
      const NetworkSpec& spec = sweep_.networks[batch[i]];
      Outcome outcome(sweep_.iterations, layers);
      device_.download(outcome.right.words.data(), &right.data()[i * right_words],
                       right_words * sizeof(std::uint32_t));
      std::copy_n(&all_sums[i * layers], layers, outcome.layers.begin());
      outcome.weights_digest = all_digests[i];
      outcome.held_out_right = Bits(sweep_.held_out.size());
      const std::size_t held_out_words = 2 * outcome.held_out_right.words.size();
      if (held_out_words != 0)
        std::memcpy(outcome.held_out_right.words.data(), &held_out_right[i * held_out_words],
                    held_out_words * sizeof(std::uint32_t));
      if (sweep_.keep_weights)
        outcome.weights = download_weights(spec, &weights.data()[i * places_.weights]);
      if (launch_.counts)
        outcome.diagnostics.assign(&all_counts[i * layers], &all_counts[i * layers] + layers);
      take(batch[i], std::move(outcome));
    }
  }

 private:
  /// All steps, or all held-out samples, in slices that take about `launch_seconds`, of whole
  /// batches.
  void run(const NetworkLaunch& launch, NetworkArguments& arguments,
           const std::vector<std::uint32_t>& order, std::uint32_t steps) {
    const std::uint32_t batch = launch.batch;
    const std::uint32_t most_steps =
        passes_ ? passes_->most_steps()
                : std::min(StepSamples::most_steps(sweep_), most_launch_steps(places_));
    const auto steps_from = [&](std::uint32_t first, std::uint32_t wanted) {
      const std::uint32_t most = tuning_.slice_steps != 0 ? tuning_.slice_steps : wanted;
      return std::min({std::max(most / batch, 1U) * batch, most_steps, steps - first});
    };
    std::uint32_t wanted = std::max(first_steps, batch);
    arguments.first_step = 0;
    arguments.step_count = steps_from(0, wanted);
    samples_.read(order, 0, arguments.step_count);
    while (arguments.step_count != 0) {
      progress_.throw_if_stopped();
      const StoredSamples stored = passes_ ? samples_.upload(device_) : StoredSamples{};
      if (!passes_) arguments.steps = samples_.list(device_);
      const auto begin = std::chrono::steady_clock::now();
      if (passes_)
        passes_->run(arguments, stored);
      else
        device_.train(launch, arguments);
      record_.launches += 1;
      const std::uint32_t done = arguments.first_step + arguments.step_count;
      const std::uint32_t next_count = steps_from(done, wanted);
      if (next_count != 0) samples_.read(order, done, next_count);  // while the device trains
      device_.wait();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      if (!passes_) put_slow_ones_first();
      if (!arguments.judges) progress_.add(std::uint64_t{arguments.step_count} * launch.networks);
      if (took.count() < launch_seconds / 2 && wanted < most_steps) wanted *= 2;
      if (took.count() > launch_seconds && wanted > batch) wanted /= 2;
      arguments.first_step = done;
      arguments.step_count = next_count;
    }
  }

  /// Networks that took long in the last launch begin the next one, so that none of them begins as
  /// others end.
  void put_slow_ones_first() {
    const std::vector<std::uint64_t> cycles = cycles_.download();
    std::stable_sort(by_cycles_.begin(), by_cycles_.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return cycles[a] > cycles[b]; });
    device_.upload(order_.data(), by_cycles_.data(), order_.bytes());
  }

  /// The held-out pass. Returns what it was right in, [networks][words of 32 bits].
  std::vector<std::uint32_t> judge(NetworkArguments arguments) {
    const auto samples = static_cast<std::uint32_t>(sweep_.held_out.size());
    arguments.right_stride = static_cast<std::uint32_t>(2 * Bits::words_of(samples));
    DeviceBuffer<std::uint32_t> right(device_,
                                      std::size_t{launch_.networks} * arguments.right_stride);
    right.clear();
    arguments.right = right.data();
    arguments.judges = true;
    NetworkLaunch launch = launch_;
    launch.counts = false;
    run(launch, arguments, sweep_.held_out, samples);
    return right.download();
  }

  Weights download_weights(const NetworkSpec& spec, const Word* from) {
    std::vector<Word> words(places_.weights);
    device_.download(words.data(), from, words.size() * sizeof(Word));
    Weights all;
    for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
      const LayerPlace& at = places_.layers[layer];
      std::vector<std::int64_t>& weights = all.emplace_back();
      weights.reserve(spec.weights_of(layer));
      for (std::size_t j = 0; j < at.units; ++j)
        for (std::size_t k = 0; k < spec.row_length(layer); ++k)
          weights.push_back(words[at.weights + k * at.stride + j]);
    }
    return all;
  }

  Device& device_;
  const StagedSweep& sweep_;
  const double* const normals_;
  const NetworkPlaces& places_;
  NetworkLaunch launch_;
  const Tuning& tuning_;
  Progress& progress_;
  BatchedEngine::Record& record_;
  const DeviceBuffer<LayerPlace> place_list_;
  std::vector<std::uint32_t> by_cycles_;  // the networks of a batch
  DeviceBuffer<std::uint32_t> order_;     // the same, on the device
  DeviceBuffer<std::uint64_t> cycles_;
  StepSamples samples_;
  std::optional<BatchPasses> passes_;  // of the networks at hand, where their batch is more than 1
};

/// How many of some networks fit memory at once, at least one, and their layout: fewer may be laid
/// out otherwise.
std::pair<std::size_t, NetworkLayout> lay_out_what_fits(const StagedSweep& sweep,
                                                        std::span<const std::size_t> networks,
                                                        const NetworkKind& kind,
                                                        const DeviceLimits& limits,
                                                        std::uint64_t memory) {
  const NetworkLayout layout =
      lay_out(sweep.networks.front().units, kind, sweep.diagnose, limits, networks.size());
  const std::size_t count = networks_that_fit(sweep, networks, kind, layout, memory);
  if (count == networks.size()) return {count, layout};
  return lay_out_what_fits(sweep, networks.first(count), kind, limits, memory);
}

}  // namespace

void train_general_networks(Device& device, const StagedSweep& sweep, const Tuning& tuning,
                            Progress& progress, BatchedEngine::Record& record,
                            const TakeOutcome& take) {
  const DeviceLimits limits = tuning.limits.value_or(device.limits());
  std::map<NetworkKind, std::vector<std::size_t>> kinds;
  for (std::size_t n = 0; n < sweep.networks.size(); ++n)
    kinds[kind_of(sweep.networks[n], sweep.diagnose)].push_back(n);
  const DeviceBuffer<double> normals(device, sweep.normals);
  for (const auto& [kind, networks] : kinds) {
    const std::uint64_t free = memory_for_networks(device, tuning);
    const std::size_t most =
        std::size_t{networks_of_multiprocessor} * static_cast<std::size_t>(limits.multiprocessors);
    for (std::span<const std::size_t> rest = networks; !rest.empty();) {
      const auto& [count, layout] =
          lay_out_what_fits(sweep, rest.first(std::min(most, rest.size())), kind, limits, free);
      visit_word(kind.word, [&](auto zero) {
        NetworkTrainer<decltype(zero)>(device, sweep, normals.data(), layout.places, layout.launch,
                                       tuning, progress, record)
            .train(rest.first(count), take);
      });
      record.general += count;
      if (!layout.launch.shared_weights) record.global += count;
      rest = rest.subspan(count);
    }
  }
}

double general_trainer_memory_needed(const StagedSweep& sweep) {
  const NetworkPlaces places(sweep.networks.front().units, sizeof(std::int64_t), most_network_lanes,
                             values_together);
  std::uint32_t steps = StepSamples::most_steps(sweep);
  for (const NetworkSpec& spec : sweep.networks)
    if (spec.batch > 1) steps = std::max(steps, BatchPasses::most_steps(places, 1, spec.batch));
  steps = std::min(steps, static_cast<std::uint32_t>(
                              std::max<std::size_t>(sweep.iterations, sweep.held_out.size())));
  const auto networks = static_cast<double>(sweep.networks.size());
  const auto layers = static_cast<double>(places.layers.size());
  // The samples of a launch; weights as they are downloaded; of each network of a batch, what is
  // uploaded and downloaded; an outcome.
  constexpr double of_layer =
      sizeof(LayerArithmetic) + sizeof(DrawnWeights) + sizeof(LayerSums) + sizeof(LayerDiagnostics);
  constexpr double byte_words = 256 * sizeof(std::int64_t);
  const auto held_out = static_cast<double>(Bits::words_of(sweep.held_out.size()));
  return static_cast<double>(StepSamples::stored_bytes(sweep, steps)) +
         static_cast<double>(places.weights) * sizeof(std::int64_t) +
         2 * networks * (sizeof(DeviceNetwork) + byte_words + layers * of_layer + 64) +
         networks * held_out * sizeof(std::uint64_t) + sweep.outcome_bytes();
}

}  // namespace gridrun::cuda
