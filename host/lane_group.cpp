#include "lane_group.hpp"

#include <algorithm>
#include <map>

namespace gridrun {
namespace {

LaneGroup make_group(const std::vector<Network>& networks, std::vector<std::size_t> members) {
  LaneGroup group;
  group.networks.fill(networks[members.front()]);
  for (std::size_t lane = 0; lane < members.size(); ++lane) {
    group.networks[lane] = networks[members[lane]];
    group.one_fraction &= group.networks[lane].fraction == group.networks[0].fraction;
  }
  group.members = std::move(members);
  return group;
}

/// Moves the first `count` of `from` into a group.
void take(const std::vector<Network>& networks, std::vector<std::size_t>& from, std::size_t count,
          std::vector<LaneGroup>& groups) {
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(count, from.size()));
  groups.push_back(make_group(networks, {from.begin(), end}));
  from.erase(from.begin(), end);
}

}  // namespace

std::vector<LaneGroup> group_networks(const std::vector<Network>& networks, bool mix) {
  std::map<int, std::vector<std::size_t>> of_fraction;
  for (std::size_t n = 0; n < networks.size(); ++n) of_fraction[networks[n].fraction].push_back(n);

  std::vector<LaneGroup> groups;
  std::vector<std::size_t> rest;
  for (auto& [fraction, members] : of_fraction) {
    // A group more than half full is not worth mixing: inputs that lanes share are cheaper.
    while (members.size() > (mix ? group_lanes / 2 : 0))
      take(networks, members, group_lanes, groups);
    rest.insert(rest.end(), members.begin(), members.end());
  }
  while (!rest.empty()) take(networks, rest, group_lanes, groups);
  return groups;
}

}  // namespace gridrun
