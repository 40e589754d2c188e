#include "engines/cpu/general/train_general.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "base/parallel.hpp"
#include "engines/add_start_diagnostics.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/input_block.hpp"
#include "engines/cpu/general/network_group.hpp"
#include "engines/cpu/general/network_pack.hpp"
#include "engines/cpu/general/shared_noise.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {
namespace {

template <class Word>
std::unique_ptr<GeneralNetwork<Word>> make_network(WordSize words, const NetworkSpec& spec,
                                                   const Weights& weights, bool diagnosed) {
  if constexpr (sizeof(Word) == 2)
    return (diagnosed ? make_diagnosed_network_16 : make_network_16)(spec, weights);
  else if constexpr (sizeof(Word) == 4)
    return words == WordSize::bits_32
               ? (diagnosed ? make_diagnosed_network_32 : make_network_32)(spec, weights)
               : (diagnosed ? make_diagnosed_guarded_network : make_guarded_network)(spec, weights);
  else
    return (diagnosed ? make_diagnosed_network_64 : make_network_64)(spec, weights);
}

/// The networks of a group, and the samples that they train on or are judged by. Its outcomes are
/// [member].
template <class Word>
class GroupInWork {
 public:
  /// `weights_of` has the weights of a member. `diagnosed` networks count.
  template <class WeightsOf>
  GroupInWork(const StagedSweep& sweep, const NetworkGroup& group, const Progress& progress,
              const WeightsOf& weights_of, bool diagnosed)
      : sweep_(sweep), group_(group), progress_(progress) {
    std::size_t first = 0;
    for (const std::uint32_t size : group.runs) {
      Run& run = runs_.emplace_back(Run{first, size, nullptr, nullptr});
      std::vector<const NetworkSpec*> specs;
      for (std::size_t member = first; member < first + size; ++member)
        specs.push_back(&sweep.networks[group.members[member]]);
      for (const NetworkSpec* const spec : specs) needs_.add(*spec);
      if (size == 1) {
        run.network = make_network<Word>(group.words, *specs[0], weights_of(first), diagnosed);
      } else if constexpr (sizeof(Word) == 2) {
        run.pack = make_pack(specs, diagnosed);
        for (std::size_t i = 0; i < size; ++i) run.pack->start(i, weights_of(first + i));
      }
      any_pack_ |= run.pack != nullptr;
      first += size;
    }
  }

  /// All steps, for all of an outcome but what is held out.
  void train(Outcomes& outcomes, Progress& progress) {
    std::vector<std::uint32_t> samples;
    const std::uint32_t most = group_.block_steps;
    for (std::uint64_t first = 0; first < sweep_.iterations; first += most) {
      const auto steps = std::min<std::uint64_t>(most, sweep_.iterations - first);
      samples.clear();
      for (std::uint64_t i = first; i < first + steps; ++i)
        samples.push_back(static_cast<std::uint32_t>(sweep_.sample_of_step(i)));
      pass(samples, [&](Run& run) {
        if (run.first == 0 && group_.shares_noise) draw(static_cast<std::uint32_t>(first), steps);
        if (run.network != nullptr) {
          run.network->train(labelled_, noise_.steps(), first, outcomes[run.first].right,
                             progress_);
        } else if constexpr (sizeof(Word) == 2) {
          run.pack->train(labelled_, noise_.steps(), pack_noise_, first, outcomes_of(run, outcomes),
                          progress_);
        }
        progress.add(steps * run.size);
      });
    }
    for (const Run& run : runs_) {
      if (run.network == nullptr) {
        run.pack->finish(outcomes_of(run, outcomes), sweep_.keep_weights);
        continue;
      }
      Outcome& outcome = outcomes[run.first];
      outcome.layers = run.network->sums();
      outcome.weights_digest = run.network->weights_digest();
      outcome.diagnostics = run.network->diagnostics();
      if (sweep_.keep_weights) outcome.weights = run.network->weights();
    }
  }

  /// The held-out pass.
  void judge(Outcomes& outcomes) {
    for (Outcome& outcome : outcomes) outcome.held_out_right = Bits(sweep_.held_out.size());
    const std::span<const std::uint32_t> held_out = sweep_.held_out;
    const std::size_t most = group_.block_steps;
    for (std::size_t first = 0; first < held_out.size(); first += most) {
      const std::size_t count = std::min<std::size_t>(most, held_out.size() - first);
      pass(held_out.subspan(first, count), [&](Run& run) {
        if (run.network == nullptr) {
          if constexpr (sizeof(Word) == 2)
            run.pack->judge(labelled_, first, outcomes_of(run, outcomes), progress_);
          return;
        }
        for (std::size_t i = 0; i < count; ++i) {
          progress_.throw_if_stopped();
          if (run.network->classify(labelled_[i].inputs) == labelled_[i].label)
            outcomes[run.first].held_out_right.set(first + i);
        }
      });
    }
  }

  GeneralStatistics statistics() const {
    GeneralStatistics statistics = statistics_;
    for (const Run& run : runs_)
      statistics += run.network != nullptr ? run.network->statistics() : run.pack->statistics();
    return statistics;
  }

 private:
  /// Members that are trained together: a network, or a pack.
  struct Run {
    std::size_t first, size;
    std::unique_ptr<GeneralNetwork<Word>> network;
    std::unique_ptr<NetworkPack> pack;
  };

  static std::span<Outcome> outcomes_of(const Run& run, Outcomes& outcomes) {
    return std::span(outcomes).subspan(run.first, run.size);
  }

  /// Draws the random words of the block, whose first step is `first`.
  void draw(std::uint32_t first, std::uint64_t steps) {
    const NetworkSpec& spec = sweep_.networks[group_.members.front()];
    noise_.draw(spec, needs_, block_, first);
    if constexpr (sizeof(Word) == 2)
      if (any_pack_)
        pack_noise_.read(noise_.steps(), block_.first_place(block_.samples(), spec.bias),
                         spec.units_of(0));
    statistics_.shared_draws += steps;
  }

  /// Calls work(run) for every run, with the samples in block_ and inputs_.
  template <class Work>
  void pass(std::span<const std::uint32_t> samples, const Work& work) {
    block_.read(*sweep_.dataset, samples);
    const Format* format = nullptr;
    for (Run& run : runs_) {
      progress_.throw_if_stopped();
      const NetworkSpec& spec = sweep_.networks[group_.members[run.first]];
      if (format == nullptr || spec.formats.input != *format) {
        inputs_.quantise(block_, *sweep_.dataset, spec.formats.input, spec.bias);
        labelled_.clear();
        for (std::size_t i = 0; i < samples.size(); ++i)
          labelled_.push_back({inputs_.sample(i), block_.labels[i]});
      }
      format = &spec.formats.input;
      work(run);
    }
  }

  const StagedSweep& sweep_;
  const NetworkGroup& group_;
  const Progress& progress_;
  std::vector<Run> runs_;
  bool any_pack_ = false;
  StoredBlock block_;
  InputBlock<Word> inputs_;
  std::vector<LabelledInputs<Word>> labelled_;  // of the block
  NoiseNeeds needs_;
  SharedNoise<Word> noise_;
  PackNoise pack_noise_;
  GeneralStatistics statistics_;
};

/// Hands over all outcomes of a group.
void hand_over(const NetworkGroup& group, Outcomes& outcomes, const TakeOutcome& take) {
  for (std::size_t member = 0; member < outcomes.size(); ++member)
    take(group.members[member], std::move(outcomes[member]));
}

/// visit(Word()), with the type of a group's words.
template <class Visit>
auto with_word(WordSize words, const Visit& visit) {
  switch (words) {
    case WordSize::bits_16:
      return visit(std::int16_t{});
    case WordSize::bits_32:
    case WordSize::guarded_32:
      return visit(std::int32_t{});
    case WordSize::bits_64:
      break;
  }
  return visit(std::int64_t{});
}

/// Bytes of a network of these words in training, a batch's samples included.
double network_bytes(const NetworkSpec& spec, WordSize words) {
  const double word = words == WordSize::bits_16   ? sizeof(std::int16_t)
                      : words == WordSize::bits_32 ? sizeof(std::int32_t)
                                                   : sizeof(std::int64_t);
  constexpr double lists = 3 * 48;  // three vectors of a sample, their allocations included
  constexpr double padding = 64;    // words that a row or an array is rounded up by, at most
  double bytes = 832;               // the objects themselves, and what the allocator adds
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const auto rows = static_cast<double>(spec.row_length(layer));
    const double units = static_cast<double>(spec.units_of(layer)) + padding;
    const double copies = spec.formats.has_copies() ? 2 : 1;
    constexpr double state = 8 * sizeof(std::int64_t);  // of a unit or an input
    bytes += copies * rows * units * word + (rows + units) * state;
    constexpr double kept = 28;         // of a unit or an input, for each sample of a batch
    if (spec.batch > most_block_batch)  // it has lists of inputs, and d
      bytes += spec.batch * (rows * (sizeof(std::uint32_t) + word) +
                             (units - padding / 2) * sizeof(std::int64_t) + lists);
    else if (spec.batch > 1)
      bytes += spec.batch * (rows + units) * kept;
    // Random words of all rows, of gradients and masters, where they are not shared.
    for (const Format* format : {&spec.formats.gradient, &spec.formats.master})
      if (format->round == Round::stochastic && !may_share_noise(spec))
        bytes += rows * units * sizeof(std::uint32_t);
  }
  return bytes;
}

/// Bytes of a pack of such networks, with the answers of a block of so many steps.
double pack_bytes(const NetworkSpec& spec, double steps, bool diagnosed) {
  constexpr double units_of_cell = 4;
  constexpr double lanes = units_of_cell * most_packed;
  const auto rows = static_cast<double>(spec.row_length(0));
  const double cells = std::ceil(static_cast<double>(spec.units_of(0)) / units_of_cell);
  constexpr double arrays = 16384;  // of a cell, and what the allocator adds to each
  constexpr double counts = 12288;  // of its lanes
  return 8192 + cells * (lanes * sizeof(std::int16_t) * (rows + steps) + arrays +
                         (diagnosed ? counts : 0));
}

/// Bytes that the groups hold at once at most: lists of all, and what those in work need, with
/// `outcome_bytes` for each network of theirs.
double groups_bytes(const StagedSweep& sweep, unsigned threads, Neighbours neighbours,
                    double outcome_bytes) {
  const std::vector<NetworkGroup> groups = groups_of(sweep, threads, neighbours);
  constexpr double layer_counts = 6144;  // twice, as in guarded words
  const double counts =
      sweep.diagnose ? layer_counts * static_cast<double>(sweep.networks.front().layers()) : 0;
  double largest = 0;
  for (const NetworkGroup& group : groups) {
    double bytes = (counts + outcome_bytes) * static_cast<double>(group.members.size());
    auto member = group.members.begin();
    for (const std::uint32_t size : group.runs) {
      const NetworkSpec& spec = sweep.networks[*member];
      bytes += size == 1 ? network_bytes(spec, group.words)
                         : pack_bytes(spec, group.block_steps, sweep.diagnose);
      member += size;
    }
    largest = std::max(largest, bytes);
  }
  // A block of samples as stored and in words, and the initial weights of a network, before and
  // after they are rounded.
  double block = 0;
  for (const NetworkGroup& group : groups) {
    const NetworkSpec& spec = sweep.networks[group.members.front()];
    const auto inputs = static_cast<double>(sweep.inputs());
    constexpr double copied = 1.5;  // packs have copies of the highest halves
    const double noise =
        group.shares_noise ? copied * noise_bytes(spec, {true, true, true, true}, inputs) : 0;
    block = std::max(block, group.block_steps * ((inputs + 16) * 5 * sizeof(std::int64_t) + noise));
  }
  const auto in_work = static_cast<double>(std::min<std::size_t>(threads, groups.size()));
  constexpr double list_bytes = 64;  // for each network, while they are grouped
  constexpr double bytes_of_group = 256;
  const double lists = list_bytes * static_cast<double>(sweep.networks.size()) +
                       bytes_of_group * static_cast<double>(groups.size());
  return lists + in_work * (largest + block + 2 * sweep.weights_bytes());
}

}  // namespace

void train_general(const StagedSweep& sweep, unsigned threads, Progress& progress,
                   const TakeOutcome& take, GeneralStatistics& statistics) {
  const std::vector<NetworkGroup> groups = groups_of(sweep, threads, Neighbours::dealt_out);
  const TakeOutcome take_counted = add_start_diagnostics(sweep, take);
  std::mutex mutex;
  const auto train_group = [&](std::size_t g) {
    const NetworkGroup& group = groups[g];
    Outcomes outcomes;
    for (std::size_t i = 0; i < group.members.size(); ++i) outcomes.emplace_back(sweep.iterations);
    const auto initial = [&](std::size_t member) {
      return initial_weights(sweep, sweep.networks[group.members[member]]);
    };
    const GeneralStatistics of_group = with_word(group.words, [&](auto word) {
      GroupInWork<decltype(word)> in_work(sweep, group, progress, initial, sweep.diagnose);
      in_work.train(outcomes, progress);
      in_work.judge(outcomes);
      return in_work.statistics();
    });
    {
      const std::lock_guard lock(mutex);
      statistics += of_group;
    }
    hand_over(group, outcomes, take_counted);
  };
  parallel_for(groups.size(), threads, train_group, [&] { progress.stop(); });
}

double general_memory_needed(const StagedSweep& sweep, unsigned threads) {
  return groups_bytes(sweep, threads, Neighbours::dealt_out, sweep.outcome_bytes());
}

void train_then_judge(const StagedSweep& sweep, unsigned threads, Progress& progress,
                      const TakeOutcome& take,
                      const std::function<void(const TakeOutcome&)>& train) {
  if (sweep.held_out.empty()) return train(take);
  Outcomes outcomes(sweep.networks.size());
  train([&](std::size_t n, Outcome outcome) { outcomes[n] = std::move(outcome); });
  const std::vector<NetworkGroup> groups = groups_of(sweep, threads, Neighbours::together);
  const auto judge_group = [&](std::size_t g) {
    const NetworkGroup& group = groups[g];
    Outcomes judged;
    for (const std::size_t n : group.members) judged.push_back(std::move(outcomes[n]));
    const auto final_weights = [&](std::size_t member) {
      Weights& weights = judged[member].weights;
      return sweep.keep_weights ? weights : std::exchange(weights, {});
    };
    with_word(group.words, [&](auto word) {
      GroupInWork<decltype(word)>(sweep, group, progress, final_weights, false).judge(judged);
    });
    hand_over(group, judged, take);
  };
  parallel_for(groups.size(), threads, judge_group, [&] { progress.stop(); });
}

double waiting_bytes(const StagedSweep& sweep) {
  if (sweep.held_out.empty()) return 0;
  return sweep.outcomes_bytes() +
         static_cast<double>(sweep.networks.size()) * sweep.weights_bytes();
}

double judging_memory_needed(const StagedSweep& sweep, unsigned threads) {
  return sweep.held_out.empty() ? 0 : groups_bytes(sweep, threads, Neighbours::together, 0);
}

}  // namespace gridrun
