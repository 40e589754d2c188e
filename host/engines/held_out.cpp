#include "engines/held_out.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <tuple>

#include "base/parallel.hpp"
#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/input_block.hpp"
#include "engines/cpu/general/words.hpp"

namespace gridrun {
namespace {

/// Networks of one input format, whose samples are made words once.
struct Task {
  bool tries_32;                     // whether 32-bit words may do
  std::vector<std::size_t> members;  // indices of networks
};

/// All networks, in pieces enough for all threads.
std::vector<Task> tasks_of(const StagedSweep& sweep, unsigned threads) {
  const double largest = largest_real(*sweep.dataset);
  std::map<std::tuple<bool, int, int, Overflow>, std::vector<std::size_t>> of_format;
  for (std::size_t n = 0; n < sweep.networks.size(); ++n) {
    const NetworkSpec& spec = sweep.networks[n];
    const Format& input = spec.formats.input;
    const WordSize words = words_for(spec, largest_word_of(largest, input));
    of_format[{words != WordSize::bits_64, input.fraction, input.bits, input.overflow}].push_back(
        n);
  }
  constexpr std::size_t most_members = 16;  // whose weights are held twice
  std::vector<Task> tasks;
  for (const auto& [format, members] : of_format) {
    const std::size_t size = std::min(most_members, (members.size() + threads - 1) / threads);
    for (std::size_t begin = 0; begin < members.size(); begin += size) {
      const auto first = members.begin() + static_cast<std::ptrdiff_t>(begin);
      const std::size_t count = std::min(size, members.size() - begin);
      tasks.push_back({std::get<0>(format), {first, first + static_cast<std::ptrdiff_t>(count)}});
    }
  }
  return tasks;
}

template <class Word>
void judge(const StagedSweep& sweep, const std::vector<std::size_t>& members, Outcomes& outcomes,
           const Progress& progress) {
  constexpr std::size_t block_samples = 64;
  const NetworkSpec& first = sweep.networks[members.front()];
  std::vector<std::unique_ptr<GeneralNetwork<Word>>> networks;
  for (const std::size_t n : members) {
    if constexpr (sizeof(Word) == 4)
      networks.push_back(make_guarded_network(sweep.networks[n], outcomes[n].weights));
    else
      networks.push_back(make_network_64(sweep.networks[n], outcomes[n].weights));
    if (!sweep.keep_weights) outcomes[n].weights = {};
    outcomes[n].held_out_right = Bits(sweep.held_out.size());
  }
  StoredBlock stored;
  InputBlock<Word> inputs;
  for (std::size_t begin = 0; begin < sweep.held_out.size(); begin += block_samples) {
    progress.throw_if_stopped();
    const auto samples =
        std::span(sweep.held_out)
            .subspan(begin, std::min(block_samples, sweep.held_out.size() - begin));
    stored.read(*sweep.dataset, samples);
    inputs.quantise(stored, *sweep.dataset, first.formats.input, first.bias);
    for (std::size_t member = 0; member < members.size(); ++member)
      for (std::size_t i = 0; i < samples.size(); ++i)
        if (networks[member]->classify(inputs.sample(i)) == stored.labels[i])
          outcomes[members[member]].held_out_right.set(begin + i);
  }
}

}  // namespace

void judge_held_out(const StagedSweep& sweep, Outcomes& outcomes, unsigned threads,
                    const Progress& progress) {
  if (sweep.held_out.empty()) return;
  const std::vector<Task> tasks = tasks_of(sweep, threads);
  parallel_for(tasks.size(), threads, [&](std::size_t i) {
    const auto& [tries_32, members] = tasks[i];
    (tries_32 ? judge<std::int32_t> : judge<std::int64_t>)(sweep, members, outcomes, progress);
  });
}

}  // namespace gridrun
