#include "engines/cpu/general/train_general.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/parallel.hpp"
#include "data/largest_input.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/input_block.hpp"
#include "engines/cpu/general/shared_noise.hpp"
#include "engines/cpu/general/words.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {
namespace {

/// Networks that one thread trains together, block by block of samples: those are read once, and
/// made words once for all successive members of one input format.
struct NetworkGroup {
  WordSize words;
  std::vector<std::size_t> members;  // indices into the sweep's networks
  bool shares_noise = false;         // its members' random words are drawn once
  std::uint32_t block_steps = 1;
};

/// Whether a network's random words may be shared: one sample a batch, and not too many of them.
bool may_share_noise(const NetworkSpec& spec) {
  constexpr double most_bytes = 0x1p22;  // of a step
  const NoiseNeeds all{true, true, true, true};
  return needs_noise(spec) && spec.batch == 1 &&
         noise_bytes(spec, all, static_cast<double>(spec.inputs_of(0))) <= most_bytes;
}

/// Batches of at most so many samples lie in one block whole.
constexpr std::uint32_t most_block_batch = 1024;

/// Steps of a block: enough for a network's weights to be worth fetching, and few enough for a
/// training to be stopped soon, and for shared random words to stay in a cache.
std::uint32_t block_steps(const StagedSweep& sweep, bool shares_noise, std::uint32_t batch) {
  constexpr double most_work = 0x1p28;  // weights times steps
  const double weights = sweep.weights_bytes() / sizeof(std::int64_t);
  const auto steps =
      static_cast<std::uint32_t>(std::clamp(most_work / weights, 1.0, shares_noise ? 16.0 : 64.0));
  return batch > most_block_batch ? steps : std::max(1U, steps / batch) * batch;
}

/// What the members of a group have in common.
auto common_of(const NetworkSpec& spec, WordSize words) {
  const bool shares = may_share_noise(spec);
  return std::tuple(words, spec.bias, spec.batch, shares, shares ? spec.rounding_seed : 0);
}

/// How networks of one input format get into groups. To train, they are dealt out: how much work a
/// network is depends on its format. To be judged all are the same work, and stay together, so that
/// samples are made words seldom.
enum class Neighbours { dealt_out, together };

/// All networks, in groups whose weights are not many; each thread can have as many groups.
std::vector<NetworkGroup> groups_of(const StagedSweep& sweep, unsigned threads,
                                    Neighbours neighbours) {
  const double largest = largest_input(*sweep.dataset);
  std::vector<WordSize> words;
  std::map<decltype(common_of({}, {})), std::vector<std::size_t>> alike;
  for (std::size_t n = 0; n < sweep.networks.size(); ++n) {
    const NetworkSpec& spec = sweep.networks[n];
    words.push_back(words_for(spec, largest_word_of(largest, spec.formats.input)));
    alike[common_of(spec, words.back())].push_back(n);
  }
  // Of the weights of a group, were they of 64 bits; judged ones are to stay in a cache.
  const double most_bytes = neighbours == Neighbours::dealt_out ? 0x1p24 : 0x1p20;
  const double fit = std::max(1.0, std::floor(most_bytes / sweep.weights_bytes()));
  const auto input_of = [&](std::size_t n) {
    const Format& input = sweep.networks[n].formats.input;
    return std::tuple(input.fraction, input.bits, input.overflow);
  };
  std::vector<NetworkGroup> groups;
  for (auto& [common, networks] : alike) {
    const auto count = static_cast<double>(networks.size());
    const auto [size, bias, batch, shares_noise, seed] = common;
    // Samples are read, and random words drawn, once a group; few networks are dealt out unevenly.
    const bool one_a_thread = shares_noise || count >= 64.0 * threads;
    const double a_thread = std::max(one_a_thread ? 1.0 : 2.0, std::ceil(count / fit / threads));
    const auto parts = std::min(networks.size(), static_cast<std::size_t>(a_thread * threads));
    const std::size_t first = groups.size();
    groups.resize(first + parts, {size, {}, shares_noise, block_steps(sweep, shares_noise, batch)});
    std::stable_sort(networks.begin(), networks.end(),
                     [&](std::size_t a, std::size_t b) { return input_of(a) < input_of(b); });
    for (std::size_t i = 0; i < networks.size(); ++i)
      groups[first +
             (neighbours == Neighbours::dealt_out ? i % parts : i * parts / networks.size())]
          .members.push_back(networks[i]);
  }
  return groups;
}

template <class Word>
std::unique_ptr<GeneralNetwork<Word>> make_network(WordSize words, const NetworkSpec& spec,
                                                   const Weights& weights) {
  if constexpr (sizeof(Word) == 2)
    return make_network_16(spec, weights);
  else if constexpr (sizeof(Word) == 4)
    return words == WordSize::bits_32 ? make_network_32(spec, weights)
                                      : make_guarded_network(spec, weights);
  else
    return make_network_64(spec, weights);
}

/// The networks of a group, and the samples that they train on or are judged by.
template <class Word>
class GroupInWork {
 public:
  /// `weights_of` has the weights of a network, by its index in the sweep.
  template <class WeightsOf>
  GroupInWork(const StagedSweep& sweep, const NetworkGroup& group, Outcomes& outcomes,
              const Progress& progress, const WeightsOf& weights_of)
      : sweep_(sweep), group_(group), outcomes_(outcomes), progress_(progress) {
    for (const std::size_t n : group.members) {
      needs_.add(sweep.networks[n]);
      networks_.push_back(make_network<Word>(group.words, sweep.networks[n], weights_of(n)));
    }
  }

  /// All steps, for all of an outcome but what is held out.
  void train(Progress& progress) {
    for (const std::size_t n : group_.members) outcomes_[n] = Outcome(sweep_.iterations);
    std::vector<std::uint32_t> samples;
    const std::uint32_t most = group_.block_steps;
    for (std::uint64_t first = 0; first < sweep_.iterations; first += most) {
      const auto steps = std::min<std::uint64_t>(most, sweep_.iterations - first);
      samples.clear();
      for (std::uint64_t i = first; i < first + steps; ++i)
        samples.push_back(static_cast<std::uint32_t>(sweep_.sample_of_step(i)));
      pass(samples, [&](std::size_t member, Outcome& outcome) {
        if (member == 0 && group_.shares_noise) {
          noise_.draw(sweep_.networks[group_.members.front()], needs_, block_,
                      static_cast<std::uint32_t>(first));
          statistics_.shared_draws += steps;
        }
        networks_[member]->train(labelled_, noise_.steps(), first, outcome.right, progress_);
        progress.add(steps);
      });
    }
    for (std::size_t member = 0; member < networks_.size(); ++member) {
      Outcome& outcome = outcomes_[group_.members[member]];
      outcome.layers = networks_[member]->sums();
      outcome.weights_digest = networks_[member]->weights_digest();
      if (sweep_.keep_weights) outcome.weights = networks_[member]->weights();
    }
  }

  /// The held-out pass.
  void judge() {
    for (const std::size_t n : group_.members)
      outcomes_[n].held_out_right = Bits(sweep_.held_out.size());
    const std::span<const std::uint32_t> held_out = sweep_.held_out;
    const std::size_t most = group_.block_steps;
    for (std::size_t first = 0; first < held_out.size(); first += most) {
      const std::size_t count = std::min<std::size_t>(most, held_out.size() - first);
      pass(held_out.subspan(first, count), [&](std::size_t member, Outcome& outcome) {
        for (std::size_t i = 0; i < count; ++i) {
          progress_.throw_if_stopped();
          if (networks_[member]->classify(labelled_[i].inputs) == labelled_[i].label)
            outcome.held_out_right.set(first + i);
        }
      });
    }
  }

  GeneralStatistics statistics() const {
    GeneralStatistics statistics = statistics_;
    for (const auto& network : networks_) statistics += network->statistics();
    return statistics;
  }

 private:
  /// Calls work(member, outcome) for every network, with the samples in block_ and inputs_.
  template <class Work>
  void pass(std::span<const std::uint32_t> samples, const Work& work) {
    block_.read(*sweep_.dataset, samples);
    const Format* format = nullptr;
    for (std::size_t member = 0; member < networks_.size(); ++member) {
      progress_.throw_if_stopped();
      const std::size_t n = group_.members[member];
      const NetworkSpec& spec = sweep_.networks[n];
      if (format == nullptr || spec.formats.input != *format) {
        inputs_.quantise(block_, *sweep_.dataset, spec.formats.input, spec.bias);
        labelled_.clear();
        for (std::size_t i = 0; i < samples.size(); ++i)
          labelled_.push_back({inputs_.sample(i), block_.labels[i]});
      }
      format = &spec.formats.input;
      work(member, outcomes_[n]);
    }
  }

  const StagedSweep& sweep_;
  const NetworkGroup& group_;
  Outcomes& outcomes_;
  const Progress& progress_;
  std::vector<std::unique_ptr<GeneralNetwork<Word>>> networks_;  // [member]
  StoredBlock block_;
  InputBlock<Word> inputs_;
  std::vector<LabelledInputs<Word>> labelled_;  // of the block
  NoiseNeeds needs_;
  SharedNoise<Word> noise_;
  GeneralStatistics statistics_;
};

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
  double bytes = 0;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const auto rows = static_cast<double>(spec.row_length(layer));
    const double units = static_cast<double>(spec.units_of(layer)) + padding;
    const double copies = spec.formats.weight != spec.formats.master ? 2 : 1;
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

/// Bytes that the groups in work hold at once at most.
double groups_bytes(const StagedSweep& sweep, unsigned threads, Neighbours neighbours) {
  const std::vector<NetworkGroup> groups = groups_of(sweep, threads, neighbours);
  double largest = 0;
  for (const NetworkGroup& group : groups) {
    double bytes = 0;
    for (const std::size_t n : group.members)
      bytes += network_bytes(sweep.networks[n], group.words);
    largest = std::max(largest, bytes);
  }
  // A block of samples as stored and in words, and the initial weights of a network, before and
  // after they are rounded.
  double block = 0;
  for (const NetworkGroup& group : groups) {
    const NetworkSpec& spec = sweep.networks[group.members.front()];
    const auto inputs = static_cast<double>(sweep.inputs());
    const double noise =
        group.shares_noise ? noise_bytes(spec, {true, true, true, true}, inputs) : 0;
    block = std::max(block, group.block_steps * ((inputs + 16) * 5 * sizeof(std::int64_t) + noise));
  }
  const auto in_work = static_cast<double>(std::min<std::size_t>(threads, groups.size()));
  return in_work * (largest + block + 2 * sweep.weights_bytes());
}

}  // namespace

Outcomes train_general(const StagedSweep& sweep, unsigned threads, Progress& progress,
                       GeneralStatistics& statistics) {
  Outcomes outcomes(sweep.networks.size());
  const std::vector<NetworkGroup> groups = groups_of(sweep, threads, Neighbours::dealt_out);
  const auto initial = [&](std::size_t n) { return initial_weights(sweep, sweep.networks[n]); };
  std::mutex mutex;
  parallel_for(groups.size(), threads, [&](std::size_t g) {
    const GeneralStatistics of_group = with_word(groups[g].words, [&](auto word) {
      GroupInWork<decltype(word)> group(sweep, groups[g], outcomes, progress, initial);
      group.train(progress);
      group.judge();
      return group.statistics();
    });
    const std::lock_guard lock(mutex);
    statistics += of_group;
  });
  return outcomes;
}

double general_memory_needed(const StagedSweep& sweep, unsigned threads) {
  return sweep.outcomes_bytes() + sweep.kept_weights_bytes() +
         groups_bytes(sweep, threads, Neighbours::dealt_out);
}

void judge_held_out(const StagedSweep& sweep, Outcomes& outcomes, unsigned threads,
                    const Progress& progress) {
  if (sweep.held_out.empty()) return;
  const std::vector<NetworkGroup> groups = groups_of(sweep, threads, Neighbours::together);
  const auto final_weights = [&](std::size_t n) {
    return sweep.keep_weights ? outcomes[n].weights : std::exchange(outcomes[n].weights, {});
  };
  parallel_for(groups.size(), threads, [&](std::size_t g) {
    with_word(groups[g].words, [&](auto word) {
      GroupInWork<decltype(word)>(sweep, groups[g], outcomes, progress, final_weights).judge();
    });
  });
}

double judging_memory_needed(const StagedSweep& sweep, unsigned threads) {
  return sweep.held_out.empty() ? 0 : groups_bytes(sweep, threads, Neighbours::together);
}

}  // namespace gridrun
