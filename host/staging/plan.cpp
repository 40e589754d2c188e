#include "staging/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "configuration/cells.hpp"
#include "configuration/key_value_json.hpp"
#include "configuration/keys.hpp"
#include "gridrun/error.hpp"
#include "gridrun/study_sweep.hpp"
#include "staging/baseline.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

/// How often a range of `count` places is halved until a place is one of its ends or middles.
std::uint8_t level_of(std::size_t place, std::size_t count) {
  std::size_t first = 0, last = count - 1;
  std::uint8_t level = 0;
  while (place != first && place != last) {
    ++level;
    const std::size_t middle = (first + last) / 2;
    if (place == middle) break;
    (place < middle ? last : first) = middle;
  }
  return level;
}

/// Levels of the values of an axis. Names and lists have no order that could be refined.
std::vector<std::uint8_t> levels_of(const Axis& axis) {
  std::vector<std::uint8_t> levels(axis.values.size());
  const bool ordered = std::all_of(axis.values.begin(), axis.values.end(), [](const auto& value) {
    return std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
  });
  for (std::size_t i = 0; ordered && i < levels.size(); ++i) levels[i] = level_of(i, levels.size());
  return levels;
}

double updates_of(const NetworkSpec& network) {
  double weights = 0;
  for (std::size_t layer = 0; layer < network.layers(); ++layer)
    weights += static_cast<double>(network.weights_of(layer));
  return weights * network.iterations;
}

/// How much longer an update of a weight takes than in the study: measured on MNIST's layer, of
/// which the study's kernels skip the zeros as all others do.
double slowness_of(const NetworkSpec& network) {
  constexpr double general = 5, wide = 10, binary64 = 3;
  if (has_study_arithmetic(network)) return 1;
  if (network.arithmetic == Arithmetic::binary64) return binary64;
  return network.formats.master.bits <= 16 ? general : wide;
}

/// Networks of the study's arithmetic are trained apart, and with equal weights only.
std::uint64_t together(const NetworkSpec& network) {
  const auto mix = [](std::uint64_t hash, std::uint64_t more) {
    return (hash ^ more) * 0x9E3779B97F4A7C15 + (hash >> 31);
  };
  const std::uint64_t hash = staging_hash(network);
  if (!has_study_arithmetic(network)) return hash;
  std::uint64_t study = mix(hash, static_cast<std::uint64_t>(network.output_activation) + 1);
  study = mix(study, static_cast<std::uint64_t>(network.init.spread));
  study = mix(study, std::bit_cast<std::uint64_t>(network.init.std));
  return mix(study, std::bit_cast<std::uint64_t>(network.init.mean));
}

std::string description(const Sweep& sweep, const std::vector<KeyValue>& values) {
  std::string text;
  for (std::size_t axis = 0; axis < values.size(); ++axis)
    text += fmt::format("{}{} = {}", axis == 0 ? "" : ", ", sweep.axes[axis].name,
                        text_of(values[axis]));
  return text;
}

}  // namespace

Plan::Network::Network(const NetworkSpec& spec, const Identity& data, std::uint8_t of_level)
    : identity(gridrun::identity_of(spec, data)),
      together(gridrun::together(spec)),
      iterations(spec.iterations),
      updates(static_cast<float>(updates_of(spec))),
      work(static_cast<float>(updates_of(spec) * slowness_of(spec))),
      level(of_level) {}

Plan::Plan(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data,
           const Identity& data, const Shard& shard,
           const std::function<void(const NetworkSpec&)>& check) {
  Cells cells(sweep);
  std::vector<std::vector<std::uint8_t>> levels;
  for (const Axis& axis : sweep.axes) levels.push_back(levels_of(axis));
  networks_.reserve(cells.size());
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    const NetworkSpec network = network_of(cells.sweep_at(cell), units_of_data);
    check(network);
    std::uint8_t level = 0;
    for (std::size_t axis = 0; axis < levels.size(); ++axis)
      level = std::max(level, levels[axis][cells.place()[axis]]);
    networks_.emplace_back(network, data, level);
  }
  if (sweep.report.baseline) add_baselines(sweep, units_of_data, data, check);

  by_identity_.resize(networks_.size());
  std::iota(by_identity_.begin(), by_identity_.end(), 0U);
  std::sort(by_identity_.begin(), by_identity_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return networks_[a].identity < networks_[b].identity;
  });
  refuse_one_twice(sweep);
  shard_ = numbers_of(shard);
}

void Plan::add_baselines(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data,
                         const Identity& data,
                         const std::function<void(const NetworkSpec&)>& check) {
  struct Group {
    std::uint32_t first_cell;
    int fraction;        // the largest
    std::uint8_t level;  // of the coarsest cell
  };
  std::vector<Group> groups;  // of cells that differ on precision axes only
  std::unordered_map<std::size_t, std::size_t> group_at;  // a place on the other axes
  std::vector<std::uint32_t> group_of(networks_.size());  // [cell]
  Cells cells(sweep);
  for (std::uint32_t cell = 0; cell < cells.size(); ++cell) {
    const NetworkSpec network = network_of(cells.sweep_at(cell), units_of_data);
    std::size_t place = 0;
    for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis)
      if (!is_precision_axis(sweep.axes[axis].name))
        place = place * sweep.axes[axis].values.size() + cells.place()[axis];
    const auto [found, is_new] = group_at.emplace(place, groups.size());
    if (is_new) groups.push_back({cell, 0, networks_[cell].level});
    Group& group = groups[found->second];
    group.fraction = std::max(group.fraction, network.formats.master.fraction);
    group.level = std::min(group.level, networks_[cell].level);
    group_of[cell] = static_cast<std::uint32_t>(found->second);
  }
  for (const Group& group : groups) {
    const NetworkSpec baseline = gridrun::baseline_of(
        network_of(cells.sweep_at(group.first_cell), units_of_data), group.fraction);
    check(baseline);
    networks_.emplace_back(baseline, data, group.level);
    baselines_.push_back({group.first_cell, group.fraction});
  }
  baseline_of_.reserve(cells.size());
  for (const std::uint32_t group : group_of)
    baseline_of_.push_back(static_cast<std::uint32_t>(cells.size() + group));
}

void Plan::refuse_one_twice(const Sweep& sweep) const {
  const auto same = std::adjacent_find(
      by_identity_.begin(), by_identity_.end(),
      [&](auto a, auto b) { return networks_[a].identity == networks_[b].identity; });
  if (same == by_identity_.end()) return;
  const Cells cells(sweep);
  throw RequestError(
      fmt::format("the grid has one network twice, at {} and at {}: expected axes "
                  "that each make a difference",
                  description(sweep, cells.values_at(std::min(same[0], same[1]))),
                  description(sweep, cells.values_at(std::max(same[0], same[1])))));
}

std::vector<std::uint32_t> Plan::numbers_of(const Shard& shard) const {
  // Networks that are staged together stay together, and each shard has the same work to within
  // one.
  std::vector<std::uint32_t> sorted = by_identity_, of_shard;
  if (shard.parts > 1)
    std::stable_sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
      return networks_[a].together < networks_[b].together;
    });
  double total = 0, before = 0;
  for (const std::uint32_t network : sorted) total += work_of(network);
  for (const std::uint32_t network : sorted) {
    const double middle = before + work_of(network) / 2;
    before += work_of(network);
    const auto part = static_cast<std::uint32_t>(
        std::min<double>(shard.parts - 1, std::floor(middle / total * shard.parts)));
    if (part + 1 == shard.part) of_shard.push_back(network);
  }
  std::sort(of_shard.begin(), of_shard.end());
  return of_shard;
}

std::optional<std::uint32_t> Plan::baseline_of(std::uint32_t cell) const {
  if (baseline_of_.empty()) return std::nullopt;
  return baseline_of_[cell];
}

std::optional<std::uint32_t> Plan::find(const Identity& identity) const {
  const auto found = std::lower_bound(
      by_identity_.begin(), by_identity_.end(), identity,
      [&](std::uint32_t network, const Identity& of) { return networks_[network].identity < of; });
  if (found == by_identity_.end() || networks_[*found].identity != identity) return std::nullopt;
  return *found;
}

std::vector<Batch> Plan::batches(const std::function<bool(std::uint32_t)>& wanted,
                                 double updates) const {
  struct Group {
    std::uint8_t level = std::numeric_limits<std::uint8_t>::max();  // of its coarsest network
    std::vector<std::uint32_t> networks;
    double updates = 0;
  };
  std::unordered_map<std::uint64_t, std::size_t> index;
  std::vector<Group> groups;
  for (const std::uint32_t network : shard_) {
    if (!wanted(network)) continue;
    const auto [place, is_new] = index.emplace(networks_[network].together, groups.size());
    if (is_new) groups.emplace_back();
    Group& group = groups[place->second];
    group.level = std::min(group.level, networks_[network].level);
    group.networks.push_back(network);
    group.updates += networks_[network].updates;
  }
  const auto by_level = [](const auto& a, const auto& b) { return a.level < b.level; };
  std::stable_sort(groups.begin(), groups.end(), by_level);

  constexpr double least_networks = 16, most_networks = 65536;  // of a batch
  std::vector<Batch> batches;
  for (Group& group : groups) {
    std::stable_sort(group.networks.begin(), group.networks.end(),
                     [&](auto a, auto b) { return networks_[a].level < networks_[b].level; });
    const auto count = static_cast<double>(group.networks.size());
    const double fit = std::clamp(updates / (group.updates / count), least_networks, most_networks);
    const auto parts = static_cast<std::size_t>(std::max(1.0, std::round(count / fit)));
    for (std::size_t part = 0; part < parts; ++part) {
      Batch batch;
      const auto begin = [&](std::size_t of) {
        return group.networks.begin() +
               static_cast<std::ptrdiff_t>(of * group.networks.size() / parts);
      };
      batch.networks.assign(begin(part), begin(part + 1));
      std::sort(batch.networks.begin(), batch.networks.end());
      for (const std::uint32_t network : batch.networks)
        batch.steps += networks_[network].iterations;
      batches.push_back(std::move(batch));
    }
  }
  return batches;
}

}  // namespace gridrun
