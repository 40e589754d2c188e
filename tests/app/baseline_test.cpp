// Baselines: networks of binary64 beside those of a sweep.

#include "sweep_runs.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

class Baseline : public SweepRuns {
 protected:
  static Arguments with_baselines(const Arguments& arguments) {
    return with(arguments, {"--set", "report.baseline=true"});
  }

  fs::path at(const std::string& directory) const { return scratch.path() / directory; }

  /// How many rows have no fraction.
  static std::size_t baselines_in(const fs::path& directory) {
    const NetworkStore store(directory, StoreAccess::read);
    EXPECT_EQ(store.axes().at(1).name, "fraction");
    std::size_t count = 0;
    for (const auto& [identity, network] : networks_in(directory)) {
      const bool is_baseline = !network.axes.at(1);
      EXPECT_TRUE(network.axes.at(0) && network.axes.at(2)) << "lr and the seed matter to both";
      EXPECT_EQ(std::isnan(network.figures.at(1)), is_baseline) << "no mean of updates";
      count += is_baseline;
    }
    return count;
  }
};

TEST_F(Baseline, IsTrainedBesideTheCellsOnceForAllPrecisions) {
  const ProgramResult result = run(with_baselines(small_sweep()));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.find("digits: 54 networks, "), 0U) << result.out;
  EXPECT_EQ(networks_in(out()).size(), 36U + 18);
  EXPECT_EQ(baselines_in(out()), 18U);
  EXPECT_EQ(networks_shown(out()), 36U) << "the grid is as it was";
  EXPECT_EQ(run({"status", "out"}).out.find("networks   54, 54 done, 0 left\n"), 0U);
  ASSERT_EQ(run(with_baselines(small_sweep({"--output", "ref", "--device", "reference"}))).status,
            0);
  EXPECT_TRUE(rows_in(at("ref")) == rows_in(out()));
}

TEST_F(Baseline, LeavesTheNetworksOfTheGridAsTheyAre) {
  ASSERT_EQ(run(small_sweep()).status, 0);
  const Rows before = rows_in(out());
  const ProgramResult more = run(with_baselines(small_sweep()));
  EXPECT_EQ(more.out.find("digits: 54 networks, 36 of them trained before, "), 0U) << more.out;
  const Rows after = rows_in(out());
  for (const auto& [identity, row] : before) EXPECT_EQ(after.at(identity), row);
  EXPECT_EQ(after.size(), 54U);
  const ProgramResult without = run(small_sweep());
  EXPECT_EQ(without.out.find("digits: 36 networks, 36 of them trained before, "), 0U);
}

TEST_F(Baseline, NeedsNoWeightsWhereTheyAreKept) {
  const Arguments weights =
      with_baselines(small_sweep({"--set", "report.weights=true", "--set", "report.curves=true"}));
  ASSERT_EQ(run(weights).status, 0);
  EXPECT_TRUE(files_in(out()).contains("weights.npz"));
  EXPECT_TRUE(files_in(out()).contains("curves.npz"));
  EXPECT_EQ(baselines_in(out()), 18U);
  for (const auto& [identity, network] : networks_in(out()))
    EXPECT_EQ(network.weights.empty(), !network.axes.at(1));
  EXPECT_EQ(run(weights).out.find("digits: 54 networks, 54 of them trained before, "), 0U);
  EXPECT_EQ(run({"status", "out"}).out.find("networks   54, 54 done, 0 left\n"), 0U);
}

TEST_F(Baseline, ShardsInAnySplitAreTheWhole) {
  const Undisturbed whole = undisturbed(with_baselines(small_sweep()));
  for (const int parts : {2, 7}) {
    Arguments merge = {"merge", "all"};
    std::size_t networks = 0;
    for (int part = 1; part <= parts; ++part) {
      merge.push_back(fmt::format("{}-of-{}", part, parts));
      ASSERT_EQ(run(with_baselines(small_sweep(
                        {"--output", merge.back(), "--shard", fmt::format("{}/{}", part, parts)})))
                    .status,
                0);
      networks += networks_in(at(merge.back())).size();
    }
    EXPECT_EQ(networks, 54U) << "each is trained once";
    EXPECT_EQ(run(merge).out.find("took over 54 networks\n"), 0U);
    expect_same(at("all"), whole);
    EXPECT_EQ(run({"status", "all"}).out.find("networks   54, 54 done, 0 left\n"), 0U);
    fs::remove_all(at("all"));
  }
}

TEST_F(Baseline, GoesOnWhereItWasStopped) {
  const Arguments sweep = with_baselines(long_sweep());
  constexpr std::size_t networks = long_networks * 3 / 2;
  std::size_t before = 0;
  for (const std::size_t more : {1U, 40U}) {
    const pid_t program = start_program(sweep, settings);
    wait_for_networks(out(), before + more);
    ::kill(program, SIGTERM);
    EXPECT_EQ(wait_for_program(program), 85);
    EXPECT_GT(stored_in(out()), before);
    before = stored_in(out());
    EXPECT_LT(before, networks) << "it was to be stopped before its end";
  }
  ASSERT_EQ(run(with_baselines(long_sweep({"--device", "cpu"}))).status, 0);
  EXPECT_EQ(networks_in(out()).size(), networks);
  expect_same(out(), undisturbed(sweep));
}

TEST_F(Baseline, IsExported) {
  ASSERT_EQ(run(with_baselines(small_sweep())).status, 0);
  const ResultFiles files = files_in(out());
  const ProgramResult result = run({"export", "out"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find(" of 54 of 54 networks in out\n"), std::string::npos) << result.out;
  EXPECT_TRUE(files_in(out()) == files);
}

}  // namespace
}  // namespace gridrun
