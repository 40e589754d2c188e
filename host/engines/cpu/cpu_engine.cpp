#include "engines/cpu/cpu_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "base/parallel.hpp"
#include "engines/add_start_diagnostics.hpp"
#include "engines/cpu/floats/train_floats.hpp"
#include "engines/cpu/general/train_general.hpp"
#include "engines/cpu/winners.hpp"
#include "gridrun/study_sweep.hpp"

namespace gridrun {
namespace {

constexpr std::uint32_t word_bits = 64;  // steps in a word of Outcome::right

/// Steps that one task trains: few enough that their samples stay in a second-level cache while
/// the neurons of a group pass, in whole words of Outcome::right.
std::uint32_t block_length(const SparseSamples& samples) {
  constexpr std::size_t words_in_cache = 131072, most = 2048;
  const std::size_t words_a_sample = 1 + samples.words() / std::max<std::size_t>(1, samples.size());
  const std::size_t steps = std::min(words_in_cache / words_a_sample, most);
  return static_cast<std::uint32_t>(std::max<std::size_t>(1, steps / word_bits) * word_bits);
}

/// Groups of several fractions hold group_lanes inputs for each distinct one of the samples: too
/// many above so many.
constexpr std::size_t largest_mixed_inputs = 4096;

/// The place of one group in training. Its neurons are trained by tasks on any thread, block by
/// block; a block is settled when all of them have trained on it.
class Slot {
 public:
  Slot(const StudySweep& sweep, const SparseSamples& samples, std::uint32_t block_steps)
      : sweep_(sweep),
        samples_(samples),
        winners_(block_steps, sweep.activation),
        neurons_(sweep.outputs) {}

  /// Waits until so many blocks, of all groups that were here, are settled.
  void wait(std::uint64_t settled) const {
    for (std::uint64_t now; (now = settled_.load()) < settled;) settled_.wait(now);
  }

  /// Lets all waits end, now and later.
  void abandon() {
    settled_.fetch_or(abandoned);
    settled_.notify_all();
  }

  /// Makes the group the slot's own, if no task of the group has done so yet.
  void enter(const LaneGroup& group) {
    const std::lock_guard lock(mutex_);
    if (group_ == &group) return;
    group_ = &group;
    setting_.emplace(group, samples_, sweep_.activation);
    outcomes_.reserve(group_lanes);
    while (outcomes_.size() < group.members.size()) outcomes_.emplace_back(sweep_.iterations);
    if (sweep_.diagnose)
      for (Outcome& outcome : outcomes_) outcome.diagnostics.resize(1);
    winners_.clear();
    merged_ = 0;
  }

  /// Trains one neuron on a block.
  void train(std::size_t index, std::uint32_t first, std::uint32_t steps, ActivationLog& log,
             TrainingStatistics& statistics) {
    std::unique_ptr<Neuron>& neuron = neurons_[index];
    if (first == 0) neuron = std::make_unique<Neuron>(index, sweep_, samples_, *setting_);
    neuron->train({&samples_, &*setting_, first, steps}, log, statistics);
    if (first + steps == sweep_.iterations) neuron->finish(*setting_, sweep_.outputs);
  }

  /// Takes a trained block of a neuron into account. The last one settles the block; the last block
  /// makes the outcomes of the group final: they are then returned, one a member, else none.
  Outcomes merge(std::size_t index, std::uint32_t first, std::uint32_t steps,
                 const ActivationLog& log, Progress& progress) {
    const std::lock_guard lock(mutex_);
    const bool last_block = first + steps == sweep_.iterations;
    winners_.merge(log, index);
    if (last_block) release(index);
    if (++merged_ < neurons_.size()) return {};
    settle(first, steps);
    progress.add(std::uint64_t{steps} * group_->members.size());
    winners_.clear();
    merged_ = 0;
    Outcomes finished;
    if (last_block) finished.swap(outcomes_);
    settled_.fetch_add(1);
    settled_.notify_all();
    return finished;
  }

 private:
  static constexpr std::uint64_t abandoned = std::uint64_t{1} << 63;

  void release(std::size_t index) {
    for (std::size_t lane = 0; lane < outcomes_.size(); ++lane) {
      Outcome& outcome = outcomes_[lane];
      outcome.layers.front().abs_update += neurons_[index]->sum_abs_update[lane];
      outcome.layers.front().dropped += neurons_[index]->sum_dropped[lane];
      outcome.weights_digest += neurons_[index]->weights_digest[lane];
      if (sweep_.diagnose)
        outcome.diagnostics.front().add(
            neurons_[index]->counts->of(lane, group_->networks[lane].fraction, sweep_.activation));
      if (!sweep_.keep_weights) continue;
      outcome.weights.resize(1);
      outcome.weights[0].resize(sweep_.outputs * sweep_.inputs);
      neurons_[index]->visit_weights(lane, [&](std::size_t k, std::int64_t w) {
        outcome.weights[0][index * sweep_.inputs + k] = w;
      });
    }
    neurons_[index].reset();
  }

  void settle(std::uint32_t first, std::uint32_t steps) {
    const std::size_t lanes = outcomes_.size();
    const SparseSample* sample = samples_.of_step(first);
    for (std::uint32_t i = 0; i < steps; ++i, sample = samples_.after(sample)) {
      for (std::size_t lane = 0; lane < lanes; ++lane)
        if (winners_.winner(i, lane) == sample->label) outcomes_[lane].right.set(first + i);
    }
    if (sweep_.diagnose && sweep_.activation == Activation::relu) count_inactive(steps);
  }

  void count_inactive(std::uint32_t steps) {
    std::array<std::uint64_t, group_lanes> inactive{};
    for (std::uint32_t i = 0; i < steps; ++i)
      for (std::size_t lane = 0; lane < group_lanes; ++lane)
        inactive[lane] += winners_.activation(i, lane) == 0;
    for (std::size_t lane = 0; lane < outcomes_.size(); ++lane) {
      LayerDiagnostics& counts = outcomes_[lane].diagnostics.front();
      counts.inactive += inactive[lane];
      std::uint32_t end = steps;  // of the steps up to the last active one
      while (end != 0 && winners_.activation(end - 1, lane) == 0) --end;
      counts.last_inactive = steps - end + (end == 0 ? counts.last_inactive : 0);
    }
  }

  const StudySweep& sweep_;
  const SparseSamples& samples_;
  std::atomic<std::uint64_t> settled_ = 0;
  std::mutex mutex_;
  const LaneGroup* group_ = nullptr;
  std::optional<GroupSetting> setting_;
  Outcomes outcomes_;                             // [lane that holds a network]
  Winners winners_;                               // of the block that is being trained
  std::size_t merged_ = 0;                        // neurons in them
  std::vector<std::unique_ptr<Neuron>> neurons_;  // [output]
};

/// One neuron of one group over one block.
struct Task {
  std::size_t slot, group, neuron;
  std::uint32_t block;
  std::uint64_t settled;  // blocks that its slot settles before
};

/// All tasks of a sweep in the order in which threads take them: a few groups at a time, their
/// blocks in turn, each block of a group neuron by neuron. Groups enough train together for a task
/// hardly ever to wait for the block before.
class Schedule {
 public:
  Schedule(std::size_t groups, std::size_t neurons, std::uint32_t blocks, unsigned threads)
      : groups_(groups),
        neurons_(neurons),
        blocks_(blocks),
        rounds_(std::max<std::size_t>(1, groups / (1 + (threads + neurons - 1) / neurons))) {}

  std::size_t tasks() const { return groups_ * neurons_ * blocks_; }
  std::size_t slots() const { return begin_of(1); }

  Task task(std::size_t t) const {
    const std::size_t round = round_of(t / (neurons_ * blocks_));
    const std::size_t first = begin_of(round), width = begin_of(round + 1) - first;
    const std::size_t rest = t - first * neurons_ * blocks_;
    const std::size_t slot = rest / neurons_ % width;
    const auto block = static_cast<std::uint32_t>(rest / neurons_ / width);
    return {slot, first + slot, rest % neurons_, block, std::uint64_t{round} * blocks_ + block};
  }

 private:
  // The wider rounds come first, so that a slot is never left out between two rounds.
  std::size_t begin_of(std::size_t round) const {
    return round * (groups_ / rounds_) + std::min(round, groups_ % rounds_);
  }
  std::size_t round_of(std::size_t group) const {
    std::size_t round = group / (groups_ / rounds_ + 1);
    while (begin_of(round + 1) <= group) ++round;
    return round;
  }

  std::size_t groups_, neurons_, blocks_;
  std::size_t rounds_;  // groups that train together are a round
};

/// Groups, from the first on, that one thread trains alone: no other core ever waits for its
/// weights or needs them. The last groups are shared, so that all threads end together.
std::size_t groups_alone(std::size_t groups, unsigned threads) {
  return groups < 2 * threads ? 0 : (groups / threads - 1) * threads;
}

/// What the memory of a training depends on in the samples.
struct InputCounts {
  double nonzeros;  // of the samples used
  double values;    // that SparseSamples has: a few distinct ones, or one a run of equals
};

/// Bounds that need no look at the samples.
InputCounts most_inputs(const StudySweep& sweep) {
  const auto used = std::min<std::size_t>(sweep.iterations, sweep.dataset->samples);
  const double nonzeros = static_cast<double>(used) * static_cast<double>(sweep.inputs);
  return {nonzeros, sweep.dataset->values.index() == 0 ? 256 : std::max(256.0, nonzeros)};
}

/// Closer bounds, from a pass over all samples.
InputCounts count_inputs(const StudySweep& sweep) {
  constexpr std::size_t few = 256;
  InputCounts counts = most_inputs(sweep);
  std::visit(
      [&](const auto& stored) {
        const auto nonzeros = std::ssize(stored) - std::count(stored.begin(), stored.end(), 0);
        counts.nonzeros = std::min(counts.nonzeros, static_cast<double>(nonzeros));
        std::set<double> distinct;
        for (auto value = stored.begin(); value != stored.end() && distinct.size() <= few; ++value)
          distinct.insert(static_cast<double>(*value));
        counts.values = distinct.size() <= few ? few : std::max<double>(few, counts.nonzeros);
      },
      sweep.dataset->values);
  return counts;
}

/// Trains the groups of a sweep.
class Training {
 public:
  Training(const StudySweep& sweep, unsigned threads, Progress& progress, const TakeOutcome& take)
      : sweep_(sweep),
        progress_(progress),
        take_(take),
        samples_(sweep, threads),
        block_steps_(block_length(samples_)),
        groups_(group_networks(sweep.networks, samples_.values().size() <= largest_mixed_inputs)),
        alone_(groups_alone(groups_.size(), threads)),
        schedule_(groups_.size() - alone_, sweep.outputs, blocks(), threads) {
    for (std::size_t i = 0; i < schedule_.slots(); ++i)
      slots_.push_back(std::make_unique<Slot>(sweep, samples_, block_steps_));
    threads_ =
        static_cast<unsigned>(std::min<std::size_t>(threads, schedule_.slots() * sweep.outputs));
  }

  /// Does all tasks; to be called once.
  void run(TrainingStatistics& statistics) {
    parallel_for(
        threads_, threads_, [&](std::size_t) { work(statistics); }, [&] { abandon(); });
  }

 private:
  std::uint32_t blocks() const {
    return static_cast<std::uint32_t>((std::uint64_t{sweep_.iterations} + block_steps_ - 1) /
                                      block_steps_);
  }

  /// One thread's part: tasks until there are no more.
  void work(TrainingStatistics& statistics) {
    ActivationLog log(block_steps_);
    TrainingStatistics mine;
    if (alone_ != 0) {
      Slot slot(sweep_, samples_, block_steps_);
      for (std::size_t group; (group = next_alone_.fetch_add(1)) < alone_;)
        for (std::uint32_t block = 0; block < blocks(); ++block)
          for (std::size_t neuron = 0; neuron < sweep_.outputs; ++neuron)
            if (!train(slot, group, neuron, block, log, mine)) return;
    }
    for (std::size_t t; (t = next_task_.fetch_add(1)) < schedule_.tasks();)
      if (!train(schedule_.task(t), log, mine)) return;
    const std::lock_guard lock(statistics_mutex_);
    statistics += mine;
  }

  /// Ends all threads soon, those that wait included.
  void abandon() {
    abandoned_ = true;
    for (auto& slot : slots_) slot->abandon();
  }

  /// Returns false when another thread failed.
  bool train(const Task& task, ActivationLog& log, TrainingStatistics& statistics) {
    Slot& slot = *slots_[task.slot];
    slot.wait(task.settled);
    return train(slot, alone_ + task.group, task.neuron, task.block, log, statistics);
  }

  bool train(Slot& slot, std::size_t group, std::size_t neuron, std::uint32_t block,
             ActivationLog& log, TrainingStatistics& statistics) {
    progress_.throw_if_stopped();
    if (abandoned_) return false;
    const std::uint32_t first = block * block_steps_;
    const std::uint32_t steps = std::min(block_steps_, sweep_.iterations - first);
    slot.enter(groups_[group]);
    slot.train(neuron, first, steps, log, statistics);
    Outcomes finished = slot.merge(neuron, first, steps, log, progress_);
    for (std::size_t lane = 0; lane < finished.size(); ++lane)
      take_(groups_[group].members[lane], std::move(finished[lane]));
    return true;
  }

  const StudySweep& sweep_;
  Progress& progress_;
  const TakeOutcome& take_;
  const SparseSamples samples_;
  const std::uint32_t block_steps_;
  const std::vector<LaneGroup> groups_;
  const std::size_t alone_;
  const Schedule schedule_;  // of the other groups
  unsigned threads_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::atomic<std::size_t> next_alone_ = 0;
  std::atomic<std::size_t> next_task_ = 0;
  std::atomic<bool> abandoned_ = false;
  std::mutex statistics_mutex_;
};

/// Counts what Training holds at once at most: the samples without their zeros, of each group in
/// work every neuron, and `outcome_bytes` for each network that is in work or being taken. Which
/// lanes will leave 32 bits is not known before: in the worst case a neuron has weights of both
/// widths, and where lanes share no inputs wide ones of its own.
double training_bytes(const StudySweep& sweep, double outcome_bytes, unsigned threads,
                      const InputCounts& counts) {
  std::map<int, std::size_t> networks_of_fraction;
  for (const StudyNetwork& network : sweep.networks) ++networks_of_fraction[network.fraction];
  std::size_t groups = 0, small_rests = 0;  // rests may be mixed
  for (const auto& [fraction, count] : networks_of_fraction) {
    const std::size_t rest = count % group_lanes;
    groups += count / group_lanes + (rest != 0);
    small_rests += rest != 0 && rest <= group_lanes / 2;
  }
  const std::size_t alone = groups_alone(groups, threads);
  const std::size_t shared = Schedule(groups - alone, sweep.outputs, 1, threads).slots();
  const auto in_work = static_cast<double>(std::min(groups, (alone ? threads : 0) + shared));
  // While a thread hands over a group, another group may have its slot.
  const std::size_t unfinished = group_lanes * std::min(groups, threads + shared);
  const double outcomes =
      outcome_bytes * static_cast<double>(std::min(sweep.networks.size(), unfinished));
  constexpr double bytes_of_lists = 64;  // the sweep's, and those of groups, for each network
  const double lists = bytes_of_lists * static_cast<double>(sweep.networks.size());

  const auto used =
      static_cast<double>(std::min<std::size_t>(sweep.iterations, sweep.dataset->samples));
  constexpr double value_copies = 3;                             // block by block, and all, growing
  constexpr double bytes_of_chunks = 2 * sizeof(std::uint32_t);  // of an input, one row a chunk
  const double samples = used * 3 * sizeof(SparseSample) + counts.nonzeros * bytes_of_chunks +
                         counts.values * value_copies * sizeof(double);

  const double mixed_values =
      small_rests > 1 ? group_lanes * std::min<double>(counts.values, largest_mixed_inputs) : 0;
  const auto inputs = static_cast<double>(sweep.inputs);
  const double neuron = inputs * group_lanes * (sizeof(std::int32_t) + sizeof(std::int64_t)) +
                        mixed_values * sizeof(std::int64_t) + sizeof(Neuron) + 64 +
                        (sweep.diagnose ? sizeof(NeuronCounts) + 64 : 0);
  const double setting = std::max(counts.values, mixed_values) * 3 * sizeof(std::int32_t);
  constexpr double logs = 2048 * group_lanes * 3 * sizeof(double);  // of winners or activations
  return samples + outcomes + lists +
         in_work * (static_cast<double>(sweep.outputs) * neuron + setting + logs) +
         threads * (logs + inputs * group_lanes * sizeof(std::int64_t));
}

}  // namespace

std::string CpuEngine::device() const {
  return fmt::format("{} thread{}, {}", threads_, threads_ == 1 ? "" : "s", simd_target());
}

double CpuEngine::memory_needed(const StagedSweep& sweep) const {
  if (sweep.networks.front().arithmetic == Arithmetic::binary64)
    return floats_memory_needed(sweep, threads_);
  constexpr double worth_a_pass = 0x1p30;
  const std::optional<StudySweep> study_sweep = study_of(sweep);
  if (!study_sweep) return general_memory_needed(sweep, threads_);
  const StudySweep& study = *study_sweep;
  const double outcome = sweep.held_out.empty() ? sweep.outcome_bytes() : 0;  // not yet waiting
  const double bytes = training_bytes(study, outcome, threads_, most_inputs(study));
  const double copied =
      sweep.weights_bytes() + static_cast<double>(sweep.dataset->samples) * sizeof(std::uint32_t);
  const double training =
      bytes < worth_a_pass ? bytes : training_bytes(study, outcome, threads_, count_inputs(study));
  return waiting_bytes(sweep) + copied + std::max(training, judging_memory_needed(sweep, threads_));
}

void CpuEngine::train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) {
  statistics_ = {};
  general_statistics_ = {};
  if (sweep.networks.front().arithmetic == Arithmetic::binary64)
    return train_floats(sweep, threads_, progress, take);
  const std::optional<StudySweep> study = study_of(sweep);
  if (!study) return train_general(sweep, threads_, progress, take, general_statistics_);
  train_then_judge(sweep, threads_, progress, take, [&](const TakeOutcome& take_judged) {
    const TakeOutcome take_counted = add_start_diagnostics(sweep, take_judged);
    Training(*study, threads_, progress, take_counted).run(statistics_);
  });
}

}  // namespace gridrun
