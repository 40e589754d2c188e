#include "engines/cpu/general/network_pack.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "engines/cpu/general/network_group.hpp"
#include "engines/cpu/general/shared_noise.hpp"

namespace gridrun {
namespace {

/// What the networks of a pack have in common: all but learning rate and initial weights.
auto common_of(const NetworkSpec& spec) {
  const auto format = [](const Format& of) {
    return std::tuple(of.bits, of.fraction, of.round, of.overflow, of.random_bits);
  };
  const TensorFormats& all = spec.formats;
  return std::tuple(
      std::array{format(all.input), format(all.master), format(all.weight), format(all.accumulator),
                 format(all.activation), format(all.error), format(all.gradient)},
      spec.units, spec.activation, spec.output_activation, spec.leak, spec.bias,
      spec.rounding_seed);
}

/// Whether packs have kernels for it.
bool may_be_packed(const NetworkSpec& spec, bool diagnosed) {
  const Format &gradient = spec.formats.gradient, &master = spec.formats.master;
  // Whose updates add up in 32 bits, as does what overflowing takes.
  const std::size_t most_rows = diagnosed ? 4096 : 32767;
  return spec.layers() == 1 && spec.batch == 1 && spec.row_length(0) <= most_rows &&
         !spec.formats.has_copies() && gradient.round == master.round &&
         (gradient.overflow == Overflow::wrap) == (master.overflow == Overflow::wrap) &&
         (!needs_noise(spec) || may_share_noise(spec));
}

/// a / b, rounded up.
std::size_t parts(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

}  // namespace

std::vector<NetworkRun> pack(const StagedSweep& sweep, WordSize words, unsigned threads, double fit,
                             std::vector<std::size_t>& networks) {
  const std::vector<NetworkRun> singles(networks.size());
  const std::size_t units = sweep.networks[networks.front()].units_of(0);
  if (words != WordSize::bits_16 || fit < most_packed) return singles;
  std::map<decltype(common_of({})), std::size_t> list_of;
  std::vector<std::vector<std::size_t>> lists;
  for (const std::size_t n : networks) {
    const NetworkSpec& spec = sweep.networks[n];
    bool is_new = true;
    std::size_t list = lists.size();
    if (may_be_packed(spec, sweep.diagnose)) {
      const auto [found, inserted] = list_of.try_emplace(common_of(spec), lists.size());
      list = found->second;
      is_new = inserted;
    }
    if (is_new) lists.emplace_back();
    lists[list].push_back(n);
  }
  // By the vectors of a row that a thread has to do.
  const std::size_t of_one = parts(units, pack_lanes), of_pack = parts(units, 2);
  std::vector<NetworkRun> runs;
  std::size_t kinds = 0, packs = 0, most_packs = 0, largest = 0, vectors = 0;
  for (std::vector<std::size_t>& list : lists) {
    std::stable_sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) {
      return sweep.networks[a].lr < sweep.networks[b].lr;
    });
    const std::size_t size = list.size(), count = parts(size, most_packed);
    if (size * of_one <= count * of_pack) {
      runs.insert(runs.end(), size, NetworkRun());
      vectors += size * of_one;
      continue;
    }
    for (std::size_t i = 0; i < count; ++i)
      runs.push_back(
          {static_cast<std::uint32_t>((i + 1) * size / count - i * size / count), i == 0});
    ++kinds;
    packs += count;
    most_packs = std::max(most_packs, count);
    largest = std::max(largest, size);
  }
  const std::size_t apart = parts(packs, threads), together = parts(kinds, threads) * most_packs;
  const bool are_apart = apart < together || static_cast<double>(largest) > fit;
  vectors += (are_apart ? apart : together) * threads * of_pack;
  if (vectors >= parts(networks.size(), threads) * threads * of_one) return singles;
  if (are_apart)
    for (NetworkRun& run : runs) run.is_apart = true;
  networks.clear();
  for (const std::vector<std::size_t>& list : lists)
    networks.insert(networks.end(), list.begin(), list.end());
  return runs;
}

void PackNoise::read(std::span<const StepNoise<std::int16_t>> steps, std::size_t places,
                     std::size_t units) {
  places_ = places;
  gradient_.clear();
  master_.clear();
  if (steps.empty()) return;
  const LayerNoise<std::uint16_t>& noise = steps.front().front();  // whose rows are the block's
  read(noise.gradient, units, gradient_);
  read(noise.master, units, master_);
}

void PackNoise::read(const std::uint16_t* rows, std::size_t units,
                     std::vector<std::int16_t>& to) const {
  if (rows == nullptr || places_ == 0) return;
  const std::size_t pairs = (units + 1) / 2;
  to.resize(2 * pairs * places_);
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const std::size_t first = 2 * pair, second = std::min(first + 1, units - 1);
    std::int16_t* const of_pair = &to[pair * 2 * places_];
    for (std::size_t place = 0; place < places_; ++place) {
      const std::uint16_t* const row = rows + place * units;
      of_pair[2 * place] = static_cast<std::int16_t>(row[first] ^ 0x7fff);
      of_pair[2 * place + 1] = static_cast<std::int16_t>(row[second] ^ 0x7fff);
    }
  }
}

}  // namespace gridrun
