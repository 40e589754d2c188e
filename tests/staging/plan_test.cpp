#include "staging/plan.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "configuration/cells.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "gridrun/study_sweep.hpp"
#include "message_of.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

const std::vector<std::uint32_t> units_of_data = {64, 10};
const Identity data{3, 4};

Sweep sweep_of(const std::string& grid, const std::vector<std::string>& overrides = {}) {
  return parse_configuration("[dataset]\nname = \"digits\"\n[grid]\n" + grid + "\n", "c.toml",
                             overrides);
}

/// Of many kinds: two layers, runs of two lengths, seeds, initialisations and arithmetics.
Sweep mixed_sweep() {
  return sweep_of(
      "lr = { from = 5, to = 8 }\nfraction = [8, 9, 12]\n"
      "\"network.layers\" = [[64, 10], [64, 3, 10]]\n\"train.iterations\" = [1001, 2002]\n"
      "\"train.seed\" = [4, 5, 6]\n\"init.std\" = [500.0, \"he\", 7.0]\n"
      "\"precision.overflow\" = [\"wrap\", \"saturate\"]");
}

Plan plan_of(const Sweep& sweep, const Shard& shard = {}) {
  return Plan(sweep, units_of_data, data, shard, [](const NetworkSpec&) {});
}

constexpr auto all = [](std::uint32_t) { return true; };

TEST(Plan, ResolvesEveryCellOnce) {
  const Sweep sweep = mixed_sweep();
  const auto networks = networks_of(sweep, units_of_data);
  std::size_t checked = 0;
  const Plan plan(sweep, units_of_data, data, {}, [&](const NetworkSpec& network) {
    EXPECT_EQ(identity_of(network, data), identity_of(networks.at(checked), data));
    ++checked;
  });
  EXPECT_EQ(checked, networks.size());
  EXPECT_EQ(plan.grid_size(), networks.size());
  ASSERT_EQ(plan.networks().size(), networks.size());
  for (std::uint32_t cell = 0; cell < networks.size(); ++cell) {
    EXPECT_EQ(plan.networks()[cell], cell);
    EXPECT_EQ(plan.identity_of(cell), identity_of(networks[cell], data));
    double weights = 0;
    for (std::size_t layer = 0; layer < networks[cell].layers(); ++layer)
      weights += static_cast<double>(networks[cell].weights_of(layer));
    const double updates = weights * networks[cell].iterations;
    if (has_study_arithmetic(networks[cell]))
      EXPECT_EQ(plan.work_of(cell), updates);
    else
      EXPECT_GT(plan.work_of(cell), updates) << "by slower kernels";
  }
}

TEST(Plan, FindsCellsByIdentity) {
  const Plan plan = plan_of(mixed_sweep(), {2, 3});
  for (std::uint32_t cell = 0; cell < plan.grid_size(); ++cell)
    EXPECT_EQ(plan.find(plan.identity_of(cell)), cell) << "also of other shards";
  Identity other = plan.identity_of(0);
  ++other.low;
  EXPECT_EQ(plan.find(other), std::nullopt);
  EXPECT_EQ(plan.find({0, 0}), std::nullopt);
  EXPECT_EQ(plan.find({~std::uint64_t{0}, ~std::uint64_t{0}}), std::nullopt);
}

TEST(Plan, PassesOnWhatACheckThrows) {
  EXPECT_EQ(message_of<RequestError>([] {
              Plan(mixed_sweep(), units_of_data, data, {}, [](const NetworkSpec& network) {
                if (network.draws.seed == 6) throw RequestError("six");
              });
            }),
            "six");
}

TEST(Plan, RefusesOneNetworkTwice) {
  std::vector<std::string> overrides;
  for (const char* tensor : {"input", "master", "weight", "activation", "error", "gradient"})
    overrides.push_back(fmt::format("precision.{}.bits=32", tensor));
  EXPECT_EQ(message_of<RequestError>(
                [&] { plan_of(sweep_of("lr = 5\nfraction = 8\nbits = [8, 16]", overrides)); }),
            "the grid has one network twice, at lr = 5, fraction = 8, bits = 8 and at lr = 5, "
            "fraction = 8, bits = 16: expected axes that each make a difference");
  EXPECT_EQ(message_of<RequestError>([&] {
              plan_of(
                  sweep_of("lr = 5\nfraction = 8\n\"network.layers\" = [[64, 10]]\n"
                           "\"precision.bits\" = [16, 8]\n\"init.std\" = [\"he\"]",
                           overrides));
            }),
            "the grid has one network twice, at lr = 5, fraction = 8, network.layers = [64,10], "
            "precision.bits = 16, init.std = he and at lr = 5, fraction = 8, network.layers = "
            "[64,10], precision.bits = 8, init.std = he: expected axes that each make a "
            "difference");
}

/// Expects batches of these cells, once each, and that networks of a batch can be trained together.
void expect_batches_of(const std::vector<Batch>& batches, const std::set<std::uint32_t>& cells,
                       const std::vector<NetworkSpec>& networks) {
  std::set<std::uint32_t> seen;
  for (const Batch& batch : batches) {
    ASSERT_FALSE(batch.networks.empty());
    EXPECT_TRUE(std::is_sorted(batch.networks.begin(), batch.networks.end()));
    std::uint64_t steps = 0;
    const NetworkSpec& first = networks[batch.networks.front()];
    for (const std::uint32_t cell : batch.networks) {
      EXPECT_TRUE(seen.insert(cell).second) << "cell " << cell << " twice";
      const NetworkSpec& network = networks[cell];
      steps += network.iterations;
      EXPECT_EQ(network.units, first.units);
      EXPECT_EQ(network.draws, first.draws);
      EXPECT_EQ(network.iterations, first.iterations);
      EXPECT_EQ(has_study_arithmetic(network), has_study_arithmetic(first));
      if (has_study_arithmetic(first)) {
        EXPECT_EQ(network.init, first.init) << "a study has one set of weights";
        EXPECT_EQ(network.output_activation, first.output_activation);
      }
    }
    EXPECT_EQ(batch.steps, steps);
  }
  EXPECT_EQ(seen, cells);
}

std::set<std::uint32_t> set_of(const std::vector<std::uint32_t>& cells) {
  return {cells.begin(), cells.end()};
}

TEST(Plan, HasEachWantedCellInOneBatch) {
  const Sweep sweep = mixed_sweep();
  const auto networks = networks_of(sweep, units_of_data);
  for (const double work : {0.0, 1e7, 1e15})
    for (const std::uint32_t parts : {1U, 3U}) {
      const Plan plan = plan_of(sweep, {parts, parts});
      expect_batches_of(plan.batches(all, work), set_of(plan.networks()), networks);
      std::set<std::uint32_t> odd;
      for (const std::uint32_t cell : plan.networks())
        if (cell % 2 == 1) odd.insert(cell);
      expect_batches_of(plan.batches([](std::uint32_t cell) { return cell % 2 == 1; }, work), odd,
                        networks);
      EXPECT_TRUE(plan.batches([](std::uint32_t) { return false; }, work).empty());
    }
}

TEST(Plan, TrainsTogetherWhatCanBe) {
  const Plan plan = plan_of(mixed_sweep());
  // Layers, lengths and seeds apart; study arithmetic apart by std, where it is one layer that
  // wraps; all else together.
  const std::size_t stagings = 2 * 2 * 3;
  const std::size_t studies_more = 2 * 3 * 3;
  EXPECT_EQ(plan.batches(all, 1e15).size(), stagings + studies_more);
}

TEST(Plan, HasBatchesOfAboutTheWorkAskedFor) {
  const Plan plan = plan_of(sweep_of("lr = { from = 0, to = 62 }\nfraction = { from = 0, to = 40 }",
                                     {"network.layers=[64,10]"}));
  const double of_one = 64 * 10 * 10'000;
  for (const std::size_t networks : {16, 50, 300, 2000}) {
    const auto batches = plan.batches(all, static_cast<double>(networks) * of_one);
    for (const Batch& batch : batches) {
      EXPECT_GE(batch.networks.size(), networks * 2 / 3);
      EXPECT_LE(batch.networks.size(), networks * 3 / 2);
    }
  }
  EXPECT_LE(plan.batches(all, 1.0).size(), plan.grid_size() / 16) << "none is tiny";
}

TEST(Plan, TrainsTheEndsOfAxesBeforeTheMiddles) {
  const Plan plan = plan_of(
      sweep_of("lr = { from = -2, to = 62 }\n\"precision.fraction\" = 16", {"precision.bits=32"}));
  ASSERT_EQ(plan.grid_size(), 65U);
  // Of 0 ... 64: the ends, then 32, then 16 and 48, and so on.
  const auto level = [](std::uint32_t cell) {
    return cell % 64 == 0 ? 0 : 6 - std::countr_zero(cell);
  };
  int before = 0;
  const auto batches = plan.batches(all, 0);
  ASSERT_EQ(batches.size(), 4U);
  for (const Batch& batch : batches) {
    int most = 0;
    for (const std::uint32_t cell : batch.networks) {
      EXPECT_GE(level(cell), before);
      most = std::max(most, level(cell));
    }
    before = most;
  }
}

TEST(Plan, TrainsTheCoarsestGroupsFirst) {
  const Sweep sweep = sweep_of("lr = 5\nfraction = 8\n\"train.seed\" = { from = 1, to = 9 }");
  const auto seeds = [&](const std::function<bool(std::uint32_t)>& wanted) {
    std::vector<std::uint32_t> order;
    for (const Batch& batch : plan_of(sweep).batches(wanted, 0))
      order.push_back(networks_of(sweep, units_of_data)[batch.networks.at(0)].draws.seed);
    return order;
  };
  EXPECT_EQ(seeds(all), (std::vector<std::uint32_t>{1, 9, 5, 3, 7, 2, 4, 6, 8}));
  EXPECT_EQ(seeds([](std::uint32_t cell) { return cell > 0 && cell != 4; }),
            (std::vector<std::uint32_t>{9, 3, 7, 2, 4, 6, 8}));
}

TEST(Plan, TakesNamesAsTheyCome) {
  const Sweep sweep = sweep_of(
      "lr = 5\nfraction = 8\n\"train.draw_order\" = [\"weights\", \"weights_then_shuffle\", "
      "\"shuffle_then_weights\"]");
  std::vector<std::uint32_t> order;
  for (const Batch& batch : plan_of(sweep).batches(all, 0)) order.push_back(batch.networks.at(0));
  EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(Plan, IsSharedOutWholeAndEvenly) {
  const Sweep sweep = mixed_sweep();
  const Plan whole = plan_of(sweep);
  double total = 0, largest = 0;
  for (const std::uint32_t cell : whole.networks()) {
    total += whole.work_of(cell);
    largest = std::max(largest, whole.work_of(cell));
  }
  for (const std::uint32_t parts : {1U, 2U, 3U, 7U, 64U, 1000U, 5000U}) {
    std::set<std::uint32_t> seen;
    for (std::uint32_t part = 1; part <= parts; ++part) {
      const Plan plan = plan_of(sweep, {part, parts});
      EXPECT_TRUE(std::is_sorted(plan.networks().begin(), plan.networks().end()));
      EXPECT_EQ(plan.grid_size(), whole.grid_size());
      double work = 0;
      for (const std::uint32_t cell : plan.networks()) {
        EXPECT_TRUE(seen.insert(cell).second) << "cell " << cell << " in two of " << parts;
        work += plan.work_of(cell);
      }
      EXPECT_LE(std::abs(work - total / parts), largest) << part << " of " << parts;
    }
    EXPECT_EQ(seen.size(), whole.grid_size()) << parts;
  }
}

TEST(Plan, SharesOutWhatIsStagedTogether) {
  const Sweep sweep = mixed_sweep();
  const std::size_t groups = plan_of(sweep).batches(all, 1e15).size();
  for (const std::uint32_t parts : {2U, 5U, 9U}) {
    std::size_t batches = 0;
    for (std::uint32_t part = 1; part <= parts; ++part)
      batches += plan_of(sweep, {part, parts}).batches(all, 1e15).size();
    EXPECT_LE(batches, groups + parts - 1) << "a group is cut only where a shard ends";
  }
}

TEST(Plan, SharesOutNetworksWhereverTheyStandInAGrid) {
  const auto shared_out = [](const Sweep& sweep) {
    std::map<Identity, std::uint32_t> shares;
    for (std::uint32_t part = 1; part <= 4; ++part) {
      const Plan plan = plan_of(sweep, {part, 4});
      for (const std::uint32_t cell : plan.networks()) shares[plan.identity_of(cell)] = part;
    }
    return shares;
  };
  EXPECT_EQ(shared_out(sweep_of("\"train.seed\" = [1, 2, 3]\n\"init.std\" = [5.0, 6.0]\nlr = 5")),
            shared_out(sweep_of("lr = 5\n\"init.std\" = [6.0, 5.0]\n\"train.seed\" = [3, 1, 2]")));
}

// ------------------------------------------------------------------------------------ baselines

std::vector<std::string> baselines(std::vector<std::string> overrides = {}) {
  overrides.emplace_back("report.baseline=true");
  return overrides;
}

TEST(Plan, WithoutThemThereAreNoBaselines) {
  const Plan plan = plan_of(mixed_sweep());
  EXPECT_EQ(plan.size(), plan.grid_size());
  EXPECT_EQ(plan.baseline_of(0), std::nullopt);
}

TEST(Plan, CellsThatDifferInPrecisionHaveOneBaseline) {
  const Sweep sweep = sweep_of(
      "lr = [5, 6]\nfraction = [8, 9]\nbits = [30, 40]\n\"train.seed\" = [1, 2]\n"
      "\"precision.weight.round\" = [\"floor\", \"nearest_up\"]\n"
      "\"train.rounding_seed\" = [4, 7]",
      baselines());
  const auto networks = networks_of(sweep, units_of_data);
  std::vector<NetworkSpec> checked;
  const Plan plan(sweep, units_of_data, data, {},
                  [&](const NetworkSpec& network) { checked.push_back(network); });
  ASSERT_EQ(plan.grid_size(), 64U);
  ASSERT_EQ(plan.size(), 64U + 2 * 2);
  ASSERT_EQ(checked.size(), plan.size());
  EXPECT_EQ(plan.networks().size(), plan.size());
  std::map<std::pair<int, std::uint32_t>, std::uint32_t> by_rest;
  for (std::uint32_t cell = 0; cell < plan.grid_size(); ++cell) {
    EXPECT_FALSE(plan.is_baseline(cell));
    EXPECT_EQ(plan.cell_of(cell), cell);
    const std::uint32_t baseline = plan.baseline_of(cell).value();
    ASSERT_TRUE(plan.is_baseline(baseline));
    const auto rest = std::pair(networks[cell].lr, networks[cell].draws.seed);
    EXPECT_EQ(by_rest.emplace(rest, baseline).first->second, baseline);
    EXPECT_EQ(plan.fraction_of(baseline), 9);
    EXPECT_EQ(networks[plan.cell_of(baseline)].lr, networks[cell].lr);
    EXPECT_EQ(plan.identity_of(baseline), identity_of(checked[baseline], data));
    EXPECT_EQ(checked[baseline].arithmetic, Arithmetic::binary64);
    EXPECT_EQ(checked[baseline].lr, networks[cell].lr);
    EXPECT_EQ(checked[baseline].draws, networks[cell].draws);
    EXPECT_EQ(plan.find(plan.identity_of(baseline)), baseline);
  }
  EXPECT_EQ(by_rest.size(), 4U);
}

TEST(Plan, TrainsBaselinesApart) {
  const Sweep sweep = sweep_of("lr = [5, 6, 7]\nfraction = [8, 9]", baselines());
  const auto batches = plan_of(sweep).batches(all, 1e15);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].networks, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(batches[1].networks, (std::vector<std::uint32_t>{6, 7, 8}));
}

TEST(Plan, SharesOutBaselinesAsItDoesCells) {
  Sweep sweep = mixed_sweep();
  sweep.report.baseline = true;
  const Plan whole = plan_of(sweep);
  EXPECT_GT(whole.size(), whole.grid_size());
  double total = 0, largest = 0;
  for (const std::uint32_t network : whole.networks()) {
    total += whole.work_of(network);
    largest = std::max(largest, whole.work_of(network));
  }
  for (const std::uint32_t parts : {2U, 3U, 64U}) {
    std::set<std::uint32_t> seen;
    for (std::uint32_t part = 1; part <= parts; ++part) {
      const Plan plan = plan_of(sweep, {part, parts});
      double work = 0;
      for (const std::uint32_t network : plan.networks()) {
        EXPECT_TRUE(seen.insert(network).second);
        EXPECT_EQ(plan.identity_of(network), whole.identity_of(network));
        work += plan.work_of(network);
      }
      EXPECT_LE(std::abs(work - total / parts), largest) << part << " of " << parts;
    }
    EXPECT_EQ(seen.size(), whole.size()) << parts;
  }
}

}  // namespace
}  // namespace gridrun
