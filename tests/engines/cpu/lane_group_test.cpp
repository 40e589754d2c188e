#include "engines/cpu/lane_group.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gridrun {
namespace {

std::vector<StudyNetwork> grid(int first_lr, int last_lr, const std::vector<int>& fractions) {
  std::vector<StudyNetwork> networks;
  for (int lr = first_lr; lr <= last_lr; ++lr)
    for (const int fraction : fractions) networks.push_back({lr, fraction});
  return networks;
}

TEST(LaneGroup, EveryNetworkIsInOneGroup) {
  for (const bool mix : {false, true})
    for (const int count : {1, 5, 8, 9, 16, 20, 40}) {
      const auto networks = grid(0, count - 1, {3, 1, 2});
      std::map<std::size_t, int> seen;
      for (const LaneGroup& group : group_networks(networks, mix)) {
        ASSERT_LE(group.members.size(), group_lanes);
        bool one_fraction = true;
        for (std::size_t lane = 0; lane < group_lanes; ++lane) {
          const std::size_t member = lane < group.members.size() ? group.members[lane]  //
                                                                 : group.members[0];
          EXPECT_TRUE(group.networks[lane] == networks[member]);
          one_fraction &= networks[member].fraction == networks[group.members[0]].fraction;
        }
        EXPECT_EQ(group.one_fraction, one_fraction);
        EXPECT_TRUE(mix || one_fraction);
        for (const std::size_t member : group.members) ++seen[member];
      }
      EXPECT_EQ(seen.size(), networks.size());
      for (const auto& [member, times] : seen) EXPECT_EQ(times, 1) << member;
    }
}

/// A number at which grouping in more than n log n would not end.
TEST(LaneGroup, AMillionNetworks) {
  std::vector<StudyNetwork> networks(1'000'000, {7, 12});
  for (const bool mix : {false, true})
    EXPECT_EQ(group_networks(networks, mix).size(), networks.size() / group_lanes);
  for (std::size_t n = 0; n < networks.size(); ++n)
    networks[n] = {static_cast<int>(n % 63), static_cast<int>(n % 53)};
  constexpr std::size_t full = 53 * (1'000'000 / 53 / group_lanes);
  EXPECT_EQ(group_networks(networks, false).size(), full + 53);
  EXPECT_EQ(group_networks(networks, true).size(), networks.size() / group_lanes);
}

TEST(LaneGroup, FewNetworksOfManyFractionsShareGroups) {
  EXPECT_EQ(group_networks(grid(5, 5, {8, 9, 10, 11, 12, 13, 14, 15}), true).size(), 1U);
  EXPECT_EQ(group_networks(grid(5, 5, {8, 9, 10, 11, 12, 13, 14, 15}), false).size(), 8U);
  EXPECT_EQ(group_networks(grid(5, 19, {8, 9, 10}), true).size(), 3U);
}

}  // namespace
}  // namespace gridrun
