#include "engines/cpu/general/network_group.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "data/largest_input.hpp"
#include "engines/cpu/general/network_pack.hpp"
#include "engines/cpu/general/shared_noise.hpp"

namespace gridrun {
namespace {

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

}  // namespace

bool may_share_noise(const NetworkSpec& spec) {
  constexpr double most_bytes = 0x1p22;  // of a step
  const NoiseNeeds all{true, true, true, true};
  return needs_noise(spec) && spec.batch == 1 &&
         noise_bytes(spec, all, static_cast<double>(spec.inputs_of(0))) <= most_bytes;
}

std::vector<NetworkGroup> groups_of(const StagedSweep& sweep, unsigned threads,
                                    Neighbours neighbours) {
  const bool trains = neighbours == Neighbours::dealt_out;
  const bool counts = trains && sweep.diagnose;
  const double largest = largest_input(*sweep.dataset);
  std::vector<WordSize> words;
  std::map<decltype(common_of({}, {})), std::vector<std::size_t>> alike;
  for (std::size_t n = 0; n < sweep.networks.size(); ++n) {
    const NetworkSpec& spec = sweep.networks[n];
    words.push_back((counts ? diagnosed_words_for : words_for)(
        spec, largest_word_of(largest, spec.formats.input)));
    alike[common_of(spec, words.back())].push_back(n);
  }
  // Of the weights of a group, were they of 64 bits, and of the outcomes that become final with it;
  // judged weights are to stay in a cache.
  const double most_bytes = trains ? 0x1p24 : 0x1p20;
  const double outcome = sweep.outcomes_bytes() / static_cast<double>(sweep.networks.size());
  const double fit =
      std::max(1.0, std::floor(most_bytes / (sweep.weights_bytes() + (trains ? outcome : 0))));
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
    std::stable_sort(networks.begin(), networks.end(),
                     [&](std::size_t a, std::size_t b) { return input_of(a) < input_of(b); });
    const std::vector<NetworkRun> runs = trains ? pack(sweep, size, threads, fit, networks)
                                                : std::vector<NetworkRun>(networks.size());
    const auto deals = static_cast<std::size_t>(std::count_if(
        runs.begin(), runs.end(), [](const NetworkRun& run) { return run.is_apart; }));
    const auto parts = std::min(deals, static_cast<std::size_t>(a_thread * threads));
    const std::size_t first = groups.size();
    groups.resize(first + parts,
                  {size, {}, {}, shares_noise, block_steps(sweep, shares_noise, batch)});
    auto next = networks.begin();
    std::size_t deal = 0;  // the next
    for (const NetworkRun& run : runs) {
      deal += run.is_apart;
      // There and back again, as neighbours are likely to differ alike.
      const std::size_t turn = (deal - 1) % (2 * parts);
      const std::size_t dealt = std::min(turn, 2 * parts - 1 - turn);
      NetworkGroup& group = groups[first + (trains ? dealt : (deal - 1) * parts / deals)];
      group.members.insert(group.members.end(), next, next + run.size);
      group.runs.push_back(run.size);
      next += run.size;
    }
  }
  return groups;
}

}  // namespace gridrun
