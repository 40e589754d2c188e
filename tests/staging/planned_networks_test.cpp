#include "staging/planned_networks.hpp"

#include <gtest/gtest.h>

#include "configuration/configuration.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

const std::vector<std::uint32_t> units_of_data = {64, 10};

TEST(PlannedNetworks, AreThoseThatThePlanHasIdentitiesOf) {
  const Sweep sweep = parse_configuration(
      "[dataset]\nname = \"digits\"\n[grid]\nlr = [5, 6]\nfraction = [8, 9, 12]\n"
      "\"init.std\" = [1.0, \"he\"]\n[report]\nbaseline = true\n",
      "c.toml", {});
  const Plan plan(sweep, units_of_data, {3, 4}, {}, [](const NetworkSpec&) {});
  PlannedNetworks networks(sweep, plan, units_of_data);
  ASSERT_EQ(plan.size(), 12U + 4U);
  for (const std::uint32_t network : plan.networks())
    EXPECT_EQ(identity_of(networks.at(network), {3, 4}), plan.identity_of(network)) << network;
  using Axes = std::vector<std::optional<KeyValue>>;
  EXPECT_EQ(networks.axes_of(3), (Axes{std::int64_t{5}, std::int64_t{9}, "he"}));
  for (const std::uint32_t cell : {1U, 3U, 5U})
    EXPECT_EQ(networks.axes_of(plan.baseline_of(cell).value()),
              (Axes{std::int64_t{5}, std::nullopt, "he"}));
}

}  // namespace
}  // namespace gridrun
