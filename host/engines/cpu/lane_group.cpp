#include "engines/cpu/lane_group.hpp"

#include <algorithm>
#include <map>
#include <span>

namespace gridrun {
namespace {

LaneGroup make_group(const std::vector<StudyNetwork>& networks,
                     std::span<const std::size_t> members) {
  LaneGroup group;
  group.networks.fill(networks[members.front()]);
  for (std::size_t lane = 0; lane < members.size(); ++lane) {
    group.networks[lane] = networks[members[lane]];
    group.one_fraction &= group.networks[lane].fraction == group.networks[0].fraction;
  }
  group.members.assign(members.begin(), members.end());
  return group;
}

/// Moves the first group_lanes of `from`, or all, into a group.
void take(const std::vector<StudyNetwork>& networks, std::span<const std::size_t>& from,
          std::vector<LaneGroup>& groups) {
  const std::size_t count = std::min(group_lanes, from.size());
  groups.push_back(make_group(networks, from.first(count)));
  from = from.subspan(count);
}

}  // namespace

std::vector<LaneGroup> group_networks(const std::vector<StudyNetwork>& networks, bool mix) {
  std::map<int, std::vector<std::size_t>> of_fraction;
  for (std::size_t n = 0; n < networks.size(); ++n) of_fraction[networks[n].fraction].push_back(n);

  std::vector<LaneGroup> groups;
  std::vector<std::size_t> rest;
  for (const auto& [fraction, all] : of_fraction) {
    std::span<const std::size_t> members = all;
    // A group more than half full is not worth mixing: inputs that lanes share are cheaper.
    while (members.size() > (mix ? group_lanes / 2 : 0)) take(networks, members, groups);
    rest.insert(rest.end(), members.begin(), members.end());
  }
  // Networks of one learning rate diverge together, and a group that all leave costs nothing more.
  std::stable_sort(rest.begin(), rest.end(),
                   [&](std::size_t a, std::size_t b) { return networks[a].lr < networks[b].lr; });
  for (std::span<const std::size_t> members = rest; !members.empty();)
    take(networks, members, groups);
  return groups;
}

}  // namespace gridrun
