#include "engines/cpu/general/network_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "test_sweep.hpp"

namespace gridrun {
namespace {

/// Networks with a bias, of so many fractions in turn.
StagedSweep general_sweep(const TestSweep& one, std::size_t networks, int fractions) {
  StagedSweep staged = one.staged();
  NetworkSpec spec = staged.networks.front();
  spec.bias = true;
  staged.networks.clear();
  for (std::size_t n = 0; n < networks; ++n) {
    const int fraction = 6 + static_cast<int>(n % static_cast<std::size_t>(fractions));
    spec.formats.input.fraction = spec.formats.activation.fraction = fraction;
    staged.networks.push_back(spec);
  }
  return staged;
}

void expect_every_network_once(const std::vector<NetworkGroup>& groups, std::size_t networks) {
  std::vector<int> times(networks);
  for (const NetworkGroup& group : groups) {
    EXPECT_FALSE(group.members.empty());
    for (const std::size_t n : group.members) ++times.at(n);
  }
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), std::ssize(times));
}

TEST(NetworkGroup, EveryThreadHasTwoGroupsOrMore) {
  const TestSweep one = make_study(2, {1, 0.5}, {0}, 2, {{7, 12}}, 10);
  for (const std::size_t networks : {1U, 3U, 4U, 100U})
    for (const Neighbours neighbours : {Neighbours::dealt_out, Neighbours::together}) {
      const auto groups = groups_of(general_sweep(one, networks, 3), 2, neighbours);
      EXPECT_EQ(groups.size(), std::min<std::size_t>(networks, 4));
      expect_every_network_once(groups, networks);
    }
}

TEST(NetworkGroup, OutcomesAreFew) {
  const TestSweep one = make_study(2, {1, 0.5}, {0}, 2, {{7, 12}}, 1 << 26);  // steps of 8 MiB
  EXPECT_EQ(groups_of(general_sweep(one, 100, 1), 2, Neighbours::dealt_out).size(), 100U);
  EXPECT_EQ(groups_of(general_sweep(one, 100, 1), 2, Neighbours::together).size(), 4U);
}

/// A number at which grouping in more than n log n would not end.
TEST(NetworkGroup, AMillionNetworks) {
  const TestSweep one = make_study(2, {1, 0.5}, {0}, 2, {{7, 12}}, 10);
  StagedSweep staged = general_sweep(one, 1'000'000, 40);
  for (const Neighbours neighbours : {Neighbours::dealt_out, Neighbours::together}) {
    const auto groups = groups_of(staged, 2, neighbours);
    EXPECT_LT(groups.size(), 200U);
    expect_every_network_once(groups, staged.networks.size());
  }
  for (std::size_t n = 0; n < staged.networks.size(); ++n) {
    staged.networks[n].formats.master.round = Round::stochastic;
    staged.networks[n].rounding_seed = static_cast<std::uint32_t>(n);  // no noise is shared
  }
  const auto groups = groups_of(staged, 2, Neighbours::dealt_out);
  EXPECT_EQ(groups.size(), staged.networks.size());
  expect_every_network_once(groups, staged.networks.size());
}

}  // namespace
}  // namespace gridrun
