#include "engines/cpu/general/train_general.hpp"

#include <algorithm>
#include <tuple>

#include "base/parallel.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/input_block.hpp"
#include "engines/cpu/general/words.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {
namespace {

/// Networks that one thread trains together, block by block of samples: those are read once, and
/// made words once for all successive members of one input format.
struct Bundle {
  WordSize words;
  std::vector<std::size_t> members;  // indices into the sweep's networks
};

/// Steps of a block: enough for a network's weights to be worth fetching, and few enough for a
/// training to be stopped soon.
std::uint32_t block_steps(const StagedSweep& sweep) {
  constexpr double most_work = 0x1p28;  // weights times steps
  const double weights = sweep.weights_bytes() / sizeof(std::int64_t);
  return static_cast<std::uint32_t>(std::clamp(most_work / weights, 1.0, 64.0));
}

/// Members of a bundle at most, so that their weights are not many, and all threads end together.
std::size_t bundle_size(const StagedSweep& sweep, unsigned threads) {
  constexpr double most_bytes = 0x1p24;
  const auto fit = static_cast<std::size_t>(most_bytes / sweep.weights_bytes());
  const std::size_t fair = sweep.networks.size() / (4 * std::size_t{threads});
  return std::max<std::size_t>(1, std::min(fit, fair));
}

/// What the members of a bundle have in common comes first, then what successive ones should have.
auto order_of(const NetworkSpec& spec, WordSize words) {
  const Format& input = spec.formats.input;
  return std::tuple(words, spec.bias, input.fraction, input.bits, input.overflow);
}

std::vector<Bundle> bundles_of(const StagedSweep& sweep, unsigned threads) {
  const double largest = largest_real(*sweep.dataset);
  std::vector<WordSize> words;
  std::vector<std::size_t> networks;
  for (const NetworkSpec& spec : sweep.networks) {
    networks.push_back(words.size());
    words.push_back(words_for(spec, largest_word_of(largest, spec.formats.input)));
  }
  const auto key = [&](std::size_t n) { return order_of(sweep.networks[n], words[n]); };
  std::stable_sort(networks.begin(), networks.end(),
                   [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  const std::size_t most = bundle_size(sweep, threads);
  std::vector<Bundle> bundles;
  for (const std::size_t n : networks) {
    if (bundles.empty() || bundles.back().members.size() == most ||
        bundles.back().words != words[n] ||
        sweep.networks[bundles.back().members.front()].bias != sweep.networks[n].bias)
      bundles.push_back({words[n], {}});
    bundles.back().members.push_back(n);
  }
  return bundles;
}

template <class Word>
std::unique_ptr<GeneralNetwork<Word>> make_network(const NetworkSpec& spec,
                                                   const Weights& weights) {
  if constexpr (sizeof(Word) == 2)
    return make_network_16(spec, weights);
  else if constexpr (sizeof(Word) == 4)
    return make_network_32(spec, weights);
  else
    return make_network_64(spec, weights);
}

template <class Word>
class BundleTraining {
 public:
  BundleTraining(const StagedSweep& sweep, const Bundle& bundle, Outcomes& outcomes,
                 Progress& progress)
      : sweep_(sweep), bundle_(bundle), outcomes_(outcomes), progress_(progress) {
    for (const std::size_t n : bundle.members) {
      const NetworkSpec& spec = sweep.networks[n];
      networks_.push_back(make_network<Word>(spec, initial_weights(sweep, spec)));
      outcomes[n] = Outcome(sweep.iterations);
    }
  }

  void run() {
    std::vector<std::uint32_t> samples;
    const std::uint32_t most = block_steps(sweep_);
    for (std::uint64_t first = 0; first < sweep_.iterations; first += most) {
      const auto steps = std::min<std::uint64_t>(most, sweep_.iterations - first);
      samples.clear();
      for (std::uint64_t i = first; i < first + steps; ++i)
        samples.push_back(static_cast<std::uint32_t>(sweep_.sample_of_step(i)));
      pass(samples, [&](std::size_t member, Outcome& outcome) {
        for (std::size_t i = 0; i < steps; ++i)
          if (networks_[member]->train(inputs_.sample(i), block_.labels[i]))
            outcome.right.set(first + i);
        progress_.add(steps);
      });
    }
    for (std::size_t member = 0; member < networks_.size(); ++member) {
      Outcome& outcome = outcomes_[bundle_.members[member]];
      outcome.layers = networks_[member]->sums();
      outcome.weights_digest = networks_[member]->weights_digest();
      outcome.held_out_right = Bits(sweep_.held_out.size());
      if (sweep_.keep_weights) outcome.weights = networks_[member]->weights();
    }
    const std::span<const std::uint32_t> held_out = sweep_.held_out;
    for (std::size_t first = 0; first < held_out.size(); first += most) {
      const std::size_t count = std::min<std::size_t>(most, held_out.size() - first);
      pass(held_out.subspan(first, count), [&](std::size_t member, Outcome& outcome) {
        for (std::size_t i = 0; i < count; ++i)
          if (networks_[member]->classify(inputs_.sample(i)) == block_.labels[i])
            outcome.held_out_right.set(first + i);
      });
    }
  }

 private:
  /// Calls work(member, outcome) for every network, with the samples in block_ and inputs_.
  template <class Work>
  void pass(std::span<const std::uint32_t> samples, const Work& work) {
    block_.read(*sweep_.dataset, samples);
    const Format* format = nullptr;
    for (std::size_t member = 0; member < networks_.size(); ++member) {
      progress_.throw_if_stopped();
      const std::size_t n = bundle_.members[member];
      const NetworkSpec& spec = sweep_.networks[n];
      if (format == nullptr || spec.formats.input != *format)
        inputs_.quantise(block_, *sweep_.dataset, spec.formats.input, spec.bias);
      format = &spec.formats.input;
      work(member, outcomes_[n]);
    }
  }

  const StagedSweep& sweep_;
  const Bundle& bundle_;
  Outcomes& outcomes_;
  Progress& progress_;
  std::vector<std::unique_ptr<GeneralNetwork<Word>>> networks_;  // [member]
  StoredBlock block_;
  InputBlock<Word> inputs_;
};

template <class Word>
void train_bundle(const StagedSweep& sweep, const Bundle& bundle, Outcomes& outcomes,
                  Progress& progress) {
  BundleTraining<Word>(sweep, bundle, outcomes, progress).run();
}

/// Bytes of a network of these words in training, a batch's samples included.
double network_bytes(const NetworkSpec& spec, WordSize words) {
  const double word = static_cast<double>(words) / 8;
  constexpr double padding = 64;  // words that a row or an array is rounded up by, at most
  double bytes = 0;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const auto rows = static_cast<double>(spec.row_length(layer));
    const double units = static_cast<double>(spec.units_of(layer)) + padding;
    const double copies = spec.formats.weight != spec.formats.master ? 2 : 1;
    const double kept = spec.batch == 1 ? 0 : spec.batch;
    constexpr double state = 8 * sizeof(std::int64_t);  // of a unit or an input
    bytes += copies * rows * units * word + (1 + kept) * (rows + units) * state;
    // Random words of all rows, of gradients and masters.
    for (const Format* format : {&spec.formats.gradient, &spec.formats.master})
      if (format->round == Round::stochastic) bytes += rows * units * sizeof(std::uint32_t);
  }
  return bytes;
}

}  // namespace

Outcomes train_general(const StagedSweep& sweep, unsigned threads, Progress& progress) {
  Outcomes outcomes(sweep.networks.size());
  const std::vector<Bundle> bundles = bundles_of(sweep, threads);
  parallel_for(bundles.size(), threads, [&](std::size_t b) {
    switch (bundles[b].words) {
      case WordSize::bits_16:
        return train_bundle<std::int16_t>(sweep, bundles[b], outcomes, progress);
      case WordSize::bits_32:
        return train_bundle<std::int32_t>(sweep, bundles[b], outcomes, progress);
      case WordSize::bits_64:
        return train_bundle<std::int64_t>(sweep, bundles[b], outcomes, progress);
    }
  });
  return outcomes;
}

double general_memory_needed(const StagedSweep& sweep, unsigned threads) {
  const std::vector<Bundle> bundles = bundles_of(sweep, threads);
  double largest = 0;
  for (const Bundle& bundle : bundles) {
    double bytes = 0;
    for (const std::size_t n : bundle.members)
      bytes += network_bytes(sweep.networks[n], bundle.words);
    largest = std::max(largest, bytes);
  }
  // A block of samples as stored and in words, and the initial weights of a network, before and
  // after they are rounded.
  const double block = static_cast<double>(block_steps(sweep)) *
                       static_cast<double>(sweep.inputs() + list_padding) * 4 *
                       sizeof(std::int64_t);
  const double kept = sweep.keep_weights ? sweep.weights_bytes() : 0;
  const auto in_work = static_cast<double>(std::min<std::size_t>(threads, bundles.size()));
  return sweep.outcomes_bytes() + static_cast<double>(sweep.networks.size()) * kept +
         in_work * (largest + block + 2 * sweep.weights_bytes());
}

}  // namespace gridrun
