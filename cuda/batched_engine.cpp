#include "batched_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "base/machine.hpp"
#include "device_buffer.hpp"
#include "engines/add_start_diagnostics.hpp"
#include "engines/cpu/general/train_general.hpp"
#include "general/general_trainer.hpp"
#include "gridrun/error.hpp"
#include "memory_for_networks.hpp"
#include "staged_data.hpp"
#include "train_plan.hpp"

namespace gridrun::cuda {
namespace {

constexpr std::uint32_t least_slice = 1024;            // steps, where memory is short
constexpr std::uint64_t visits_of_slice = 1ULL << 22;  // weights of a neuron, so that a launch
                                                       // ends soon after an interrupt
constexpr std::uint32_t steps_of_word = 32;            // of the right/wrong bits

WideSum sum_of_limbs(const std::uint64_t* limbs) {
  WideSum sum = 0;
  for (int i = 0; i < sum_limbs; ++i) sum += static_cast<WideSum>(limbs[i]) << (32 * i);
  return sum;
}

/// What a network counted in `steps` steps, but for what StartDiagnostics counts. Nothing overflows
/// words of 64 bits.
LayerDiagnostics diagnostics_of(const NetworkCounts& counts, std::uint32_t steps) {
  LayerDiagnostics layer;
  const auto set_bits = [&](Tensor tensor, std::uint64_t bits) {
    layer.of(tensor).bits = word_width(static_cast<std::int64_t>(bits));
  };
  set_bits(Tensor::master, counts.master);
  set_bits(Tensor::accumulator, counts.accumulator);
  set_bits(Tensor::activation, counts.activation);
  set_bits(Tensor::error, counts.error);
  set_bits(Tensor::gradient, counts.gradient);
  layer.updates = counts.updates;
  layer.lost = counts.lost;
  layer.inactive = counts.inactive;
  if (counts.inactive != 0) layer.last_inactive = steps - counts.last_active;
  layer.step = static_cast<SignedSum>(sum_of_limbs(counts.step));
  layer.product = static_cast<SignedSum>(sum_of_limbs(counts.product));
  return layer;
}

/// Trains networks of one word.
template <typename Word>
class WordTrainer {
 public:
  /// `progress` is told of the steps when `counts`; it is asked whether to stop in any case.
  WordTrainer(Device& device, const StudySweep& sweep, StagedData& data, const Tuning& tuning,
              Progress& progress, bool counts, BatchedEngine::Record& record)
      : device_(device),
        sweep_(sweep),
        data_(data),
        tuning_(tuning),
        progress_(progress),
        counts_(counts),
        record_(record) {}

  /// Trains `networks`, indices of the sweep's, and hands over their outcomes batch by batch;
  /// returns those that outgrew the word, which have none.
  std::vector<std::size_t> train(std::vector<std::size_t> networks, const TakeOutcome& take) {
    std::vector<std::size_t> outgrown;
    if (networks.empty()) return outgrown;
    plan(networks);
    std::stable_sort(networks.begin(), networks.end(), [&](std::size_t a, std::size_t b) {
      return sweep_.networks[a].fraction < sweep_.networks[b].fraction;
    });
    for (std::span<const std::size_t> rest = networks; !rest.empty();) {
      const std::span<const std::size_t> batch = rest.first(batch_size(rest));
      train_batch(batch, take, outgrown);
      rest = rest.subspan(batch.size());
    }
    return outgrown;
  }

 private:
  std::uint32_t inputs() const { return data_.samples().inputs; }
  std::uint32_t outputs() const { return static_cast<std::uint32_t>(sweep_.outputs); }
  std::uint32_t rows() const { return rows_of(inputs(), launch_.shape.lanes); }
  std::size_t block_units() const {
    return static_cast<std::size_t>(launch_.block_lanes / warp_lanes) *
           static_cast<std::size_t>(launch_.shape.neurons_of_warp());
  }

  /// Chooses the launch for the networks still to train.
  void plan(const std::vector<std::size_t>& networks) {
    Workload work;
    work.word = sizeof(Word);
    work.inputs = inputs();
    work.diagnose = sweep_.diagnose;
    std::map<int, std::uint64_t> neurons;
    for (const std::size_t n : networks) neurons[sweep_.networks[n].fraction] += outputs();
    double nonzeros = 0;
    for (const auto& [fraction, count] : neurons) {
      work.neurons_of_fraction.push_back(count);
      nonzeros += static_cast<double>(data_.nonzeros(fraction));
    }
    work.mean_nonzeros = nonzeros / static_cast<double>(neurons.size()) /
                         static_cast<double>(data_.samples().samples);
    const auto& shape = sizeof(Word) == 4 ? tuning_.narrow_shape : tuning_.wide_shape;
    const DeviceLimits limits = tuning_.limits.value_or(device_.limits());
    launch_ = shape ? launch_of_shape(work, limits, *shape) : choose_launch(work, limits);
    const auto visits = std::max(work.mean_nonzeros, 1.0);
    longest_slice_ =
        tuning_.slice_steps
            ? tuning_.slice_steps
            : std::max(least_slice,
                       static_cast<std::uint32_t>(static_cast<double>(visits_of_slice) / visits));
  }

  std::uint64_t bytes_of_unit(std::uint32_t slice) const {
    return (std::uint64_t{rows()} + slice) * sizeof(Word) + sizeof(Unit);
  }

  /// How many of the networks fit device memory together.
  std::size_t batch_size(std::span<const std::size_t> networks) {
    const std::uint64_t available = memory_for_networks(device_, tuning_);
    const std::uint32_t slice = std::min(sweep_.iterations, least_slice);
    std::uint64_t used = 0;
    int fraction = -1;
    std::size_t count = 0;
    for (const std::size_t n : networks) {
      if (sweep_.networks[n].fraction != fraction) {
        fraction = sweep_.networks[n].fraction;
        if (StagedList<Word>::most_tiles(data_, fraction, launch_.shape) >> 32)
          throw RunError(fmt::format("{}: the samples of fraction {} are too many for one list",
                                     device_.description(), fraction));
        used += StagedList<Word>::bytes(data_, fraction, launch_.shape) +
                block_units() * bytes_of_unit(slice);
      }
      used += outputs() * bytes_of_unit(slice) + sweep_.iterations / 8 + 256 +
              (sweep_.diagnose ? sizeof(NetworkCounts) : 0);
      if (used > available) break;
      ++count;
    }
    if (count == 0)
      throw RunError(fmt::format(
          "{}: not enough memory: one network needs {} MB beside the data set, {} MB are free",
          device_.description(), (used >> 20) + 1, available >> 20));
    return count;
  }

  std::uint32_t choose_slice(std::uint64_t activation_rows) {
    const std::uint64_t fits =
        memory_for_networks(device_, tuning_) / (activation_rows * sizeof(Word));
    const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(fits, longest_slice_));
    if (most >= sweep_.iterations) return sweep_.iterations;
    return std::max(most / steps_of_word, 1U) * steps_of_word;
  }

  void train_batch(std::span<const std::size_t> batch, const TakeOutcome& take,
                   std::vector<std::size_t>& outgrown_networks) {
    const std::size_t count = batch.size();
    std::vector<StudyNetwork> networks;
    networks.reserve(count);
    for (const std::size_t n : batch) networks.push_back(sweep_.networks[n]);
    const Layout layout = lay_out(networks, outputs(), launch_);
    launch_.blocks = static_cast<std::uint32_t>(layout.block_lists.size());
    std::vector<StagedList<Word>> lists;
    std::vector<SampleList<Word>> views;
    for (const int fraction : layout.fractions) {
      lists.emplace_back(device_, data_, fraction, sweep_.activation, launch_.shape);
      views.push_back(lists.back().view());
    }
    const std::uint32_t words = (sweep_.iterations + 63) / 64 * 2;
    const DeviceBuffer<SampleList<Word>> device_lists(device_, views);
    const DeviceBuffer<std::uint32_t> block_lists(device_, layout.block_lists);
    const DeviceBuffer<Unit> units(device_, layout.units);
    const DeviceBuffer<Word> weights(device_, units.size() * rows());
    DeviceBuffer<std::uint64_t> sums(device_, count * 2 * sum_limbs);
    DeviceBuffer<std::uint32_t> outgrown(device_, count);
    DeviceBuffer<std::uint32_t> right(device_, count * words);
    DeviceBuffer<std::uint64_t> digests(device_, count);
    DeviceBuffer<NetworkCounts> counts(device_, sweep_.diagnose ? count : 0);
    const std::uint64_t activation_rows = std::uint64_t{count} * outputs() + 1;
    const std::uint32_t slice = choose_slice(activation_rows);
    const DeviceBuffer<Word> activations(device_, activation_rows * slice);
    sums.clear();
    outgrown.clear();
    right.clear();
    digests.clear();
    counts.clear();
    device_.stage_weights(data_.weights(), inputs(), rows(), launch_.shape.neurons, units.data(),
                          units.size(), weights.data());

    TrainArguments<Word> train{};
    train.lists = device_lists.data();
    train.block_lists = block_lists.data();
    train.units = units.data();
    train.weights = weights.data();
    train.activations = activations.data();
    train.sums = sums.data();
    train.outgrown = outgrown.data();
    train.counts = counts.data();
    train.activation_stride = slice;
    train.samples = data_.samples().samples;
    train.networks = static_cast<std::uint32_t>(count);
    train.outputs = outputs();
    train.rows = rows();
    train.chunk_tiles = launch_.chunk_tiles;
    train.activation = sweep_.activation;

    SettleArguments<Word> settle{};
    settle.activations = activations.data();
    settle.labels = data_.labels();
    settle.right = right.data();
    settle.activation_stride = slice;
    settle.right_stride = words;
    settle.networks = static_cast<std::uint32_t>(count);
    settle.outputs = outputs();
    settle.samples = train.samples;

    DigestArguments<Word> digest{};
    digest.weights = weights.data();
    digest.units = units.data();
    digest.digests = digests.data();
    digest.neurons = static_cast<std::uint32_t>(launch_.shape.neurons);
    digest.bundles = static_cast<std::uint32_t>(units.size() / digest.neurons);
    digest.inputs = inputs();
    digest.rows = rows();
    digest.outputs = outputs();

    run_slices(train, settle, digest);
    record_.batches += 1;
    if (!launch_.shared) record_.global += count;
    const std::vector<std::uint64_t> all_sums = sums.download(), all_digests = digests.download();
    const std::vector<std::uint32_t> has_outgrown = outgrown.download();
    const std::vector<NetworkCounts> all_counts = counts.download();
    const std::size_t piece = std::max<std::size_t>(1, tuning_.right_words / words);  // networks
    std::vector<std::uint32_t> right_of_piece;
    for (std::size_t n = 0; n < count; ++n) {
      if (n % piece == 0)
        right_of_piece = right.download(n * words, std::min(piece, count - n) * words);
      if (has_outgrown[n]) {
        outgrown_networks.push_back(batch[n]);
        continue;
      }
      Outcome outcome =
          outcome_of(&all_sums[n * 2 * sum_limbs], &right_of_piece[n % piece * words]);
      outcome.weights_digest = all_digests[n];
      if (sweep_.diagnose)
        outcome.diagnostics.push_back(diagnostics_of(all_counts[n], sweep_.iterations));
      if (sweep_.keep_weights)
        outcome.weights.push_back(weights_of(&layout.unit_of[n * outputs()], weights));
      take(batch[n], std::move(outcome));
    }
  }

  void run_slices(TrainArguments<Word>& train, SettleArguments<Word>& settle,
                  const DigestArguments<Word>& digest) {
    device_.start_timer();
    for (std::uint32_t done = 0; done < sweep_.iterations; done += train.steps) {
      progress_.throw_if_stopped();
      train.steps = settle.steps = std::min(train.activation_stride, sweep_.iterations - done);
      train.first_sample = settle.first_sample = done % train.samples;
      settle.first_word = done / steps_of_word;
      device_.train(launch_, train);
      device_.settle(settle);
      if (sweep_.diagnose && sweep_.activation == Activation::relu)
        device_.count_inactive(settle, train.counts);
      device_.wait();
      record_.launches += 1;
      if (counts_) progress_.add(std::uint64_t{train.steps} * settle.networks);
    }
    device_.digest(digest);
    progress_.throw_if_stopped();
    record_.kernel_seconds += device_.seconds();
  }

  /// The outcome of a network whose sums and right/wrong bits begin here.
  Outcome outcome_of(const std::uint64_t* sums, const std::uint32_t* right) const {
    Outcome outcome(sweep_.iterations);
    for (std::size_t i = 0; i < outcome.right.words.size(); ++i)
      outcome.right.words[i] = right[2 * i] | std::uint64_t{right[2 * i + 1]} << steps_of_word;
    outcome.layers.front() = {sum_of_limbs(sums), sum_of_limbs(sums + sum_limbs)};
    return outcome;
  }

  /// The weights [output][input] of the network with these units [outputs], out of `weights`
  /// [units / neurons][rows][neurons].
  std::vector<std::int64_t> weights_of(const std::uint32_t* units,
                                       const DeviceBuffer<Word>& weights) const {
    const auto neurons = static_cast<std::size_t>(launch_.shape.neurons);
    const std::size_t bundle_words = rows() * neurons;
    std::vector<std::int64_t> kept;
    kept.reserve(std::size_t{outputs()} * inputs());
    std::vector<Word> stored;  // of one bundle
    for (std::uint32_t j = 0; j < outputs(); ++j) {
      const std::size_t bundle = units[j] / neurons;
      if (j == 0 || bundle != units[j - 1] / neurons)
        stored = weights.download(bundle * bundle_words, bundle_words);
      const Word* row = &stored[units[j] % neurons];
      for (std::uint32_t k = 0; k < inputs(); ++k) kept.push_back(row[k * neurons]);
    }
    return kept;
  }

  Device& device_;
  const StudySweep& sweep_;
  StagedData& data_;
  const Tuning& tuning_;
  Progress& progress_;
  bool counts_;
  BatchedEngine::Record& record_;
  TrainLaunch launch_;
  std::uint32_t longest_slice_ = 0;  // steps
};

}  // namespace

BatchedEngine::BatchedEngine(std::unique_ptr<Device> device, Tuning tuning)
    : device_(std::move(device)), tuning_(tuning) {}

double BatchedEngine::memory_needed(const StagedSweep& sweep) const {
  if (!study_of(sweep)) return general_trainer_memory_needed(sweep);
  constexpr double row_bytes = 16;  // of a bundle, at most
  constexpr double bytes_a_unit = sizeof(Unit) + 2 * sizeof(std::uint32_t);
  constexpr double bytes_a_sample = 2 * sizeof(std::uint32_t);  // order, and order or label again
  // Of a batch: sums and digest as downloaded; indices, sorted and in lists that grow.
  constexpr double bytes_a_network = (2 * sum_limbs + 1) * sizeof(std::uint64_t) + 96;
  const double bytes_of_counts = sweep.diagnose ? sizeof(NetworkCounts) : 0;
  const auto networks = static_cast<double>(sweep.networks.size());
  const auto outputs = static_cast<double>(sweep.outputs());
  const double right = sweep.outcomes_bytes() / networks;
  const double piece =
      std::min(networks * right, tuning_.right_words * sizeof(std::uint32_t) + right);
  const double rows = static_cast<double>(sweep.inputs()) + 2 * warp_lanes;
  const bool downloads_weights = sweep.keep_weights || !sweep.held_out.empty();
  const double downloaded =
      downloads_weights ? rows * (outputs * sizeof(std::int64_t) + 2 * row_bytes) : 0;
  // The next piece comes before the last one goes.
  const double handed_over = sweep.outcome_bytes() + downloaded + 2 * piece;
  return waiting_bytes(sweep) + sweep.weights_bytes() +
         std::max(handed_over, judging_memory_needed(sweep, processors())) +
         networks * (bytes_a_network + bytes_of_counts + bytes_a_unit * outputs) +
         bytes_a_sample * static_cast<double>(sweep.dataset->samples);
}

std::string BatchedEngine::why_not(const NetworkSpec& spec) const {
  return spec.arithmetic == Arithmetic::binary64 ? "the GPU does not train binary64" : "";
}

void BatchedEngine::train(const StagedSweep& staged, Progress& progress, const TakeOutcome& take) {
  record_ = {};
  progress.throw_if_stopped();
  const std::optional<StudySweep> study = study_of(staged);
  if (!study)
    return train_general_networks(*device_, staged, tuning_, progress, record_,
                                  add_start_diagnostics(staged, take));
  train_then_judge(staged, processors(), progress, take, [&](const TakeOutcome& take_trained) {
    train_study(*study, progress, add_start_diagnostics(staged, take_trained));
  });
}

void BatchedEngine::train_study(const StudySweep& sweep, Progress& progress,
                                const TakeOutcome& take) {
  StagedData data(*device_, sweep);
  std::vector<std::size_t> narrow;
  std::vector<std::size_t> wide;
  for (std::size_t n = 0; n < sweep.networks.size(); ++n) {
    const bool fits = fits_narrow(sweep.networks[n], data.largest());
    (fits ? narrow : wide).push_back(n);
  }
  record_.narrow = narrow.size();
  record_.wide = wide.size();
  WordTrainer<std::int32_t> narrow_trainer(*device_, sweep, data, tuning_, progress, true, record_);
  const auto outgrown = narrow_trainer.train(std::move(narrow), take);
  record_.outgrown = outgrown.size();
  WordTrainer<std::int64_t> wide_trainer(*device_, sweep, data, tuning_, progress, true, record_);
  wide_trainer.train(std::move(wide), take);
  WordTrainer<std::int64_t> again(*device_, sweep, data, tuning_, progress, false, record_);
  again.train(outgrown, take);
}

}  // namespace gridrun::cuda
