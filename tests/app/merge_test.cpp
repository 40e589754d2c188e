// Shards in any split, merged, are the whole.

#include <random>

#include "results/directory_lock.hpp"
#include "sweep_runs.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

class Merge : public SweepRuns {
 protected:
  void run_into(const std::string& directory, const Arguments& more = {}) {
    const ProgramResult result = run(with(small_sweep({"--output", directory}), more));
    ASSERT_EQ(result.status, 0) << result.err;
  }

  fs::path at(const std::string& directory) const { return scratch.path() / directory; }
};

TEST_F(Merge, ShardsInAnySplitAreTheWhole) {
  const Undisturbed whole = undisturbed(small_sweep());
  std::mt19937 random(5);
  for (const int parts : {1, 2, 5, 40}) {  // of the last ones some are empty
    Arguments merge = {"merge", "all"};
    for (int part = 1; part <= parts; ++part) {
      merge.push_back(fmt::format("{}-of-{}", part, parts));
      run_into(merge.back(), {"--shard", fmt::format("{}/{}", part, parts)});
    }
    std::shuffle(merge.begin() + 2, merge.end(), random);
    const ProgramResult result = run(merge);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out.find("took over 36 networks\n"), 0U) << result.out;
    expect_same(at("all"), whole);
    const ProgramResult again = run(merge);
    EXPECT_EQ(again.out.find("took over 0 networks\n"), 0U) << again.out;
    expect_same(at("all"), whole);
    EXPECT_EQ(run({"status", "all"}).out.find("networks   36, 36 done, 0 left\n"), 0U);
    fs::remove_all(at("all"));
  }
}

TEST_F(Merge, ValuesOfAxesAreUnited) {
  run_into("a", {"--set", R"(grid."train.seed"=[4, 2, 6])"});
  run_into("b", {"--set", R"(grid."train.seed"=[1, 2, 3])"});
  run_into("c", {"--set", R"(grid."train.seed"=[5])"});
  ASSERT_EQ(run({"merge", "all", "a", "b"}).status, 0);
  EXPECT_EQ(run({"status", "all"}).out.find("networks   30, 30 done, 0 left\n"), 0U);
  ASSERT_EQ(run({"merge", "all", "c", "--quiet"}).out, "");
  expect_same(at("all"), undisturbed(small_sweep()));
  const ProgramResult result = run(small_sweep({"--output", "all"}));
  EXPECT_NE(result.out.find("36 networks, 36 of them trained before"), std::string::npos);
}

TEST_F(Merge, TakesOverWhatHasMoreOfANetwork) {
  const Arguments curves = {"--set", "report.curves=true", "--set", "report.weights=true"};
  run_into("less");
  run_into("more", curves);
  ASSERT_EQ(run({"merge", "all", "less", "more"}).status, 0);
  EXPECT_TRUE(rows_in(at("all")) == rows_in(at("more")));
  ASSERT_EQ(run({"merge", "all", "less"}).status, 0);
  EXPECT_TRUE(rows_in(at("all")) == rows_in(at("more")));
}

TEST_F(Merge, KeepsWhatEitherHasOfANetwork) {
  run_into("weights", {"--set", "report.weights=true", "--set", "report.curves=true"});
  run_into("diagnosed", {"--set", "report.diagnostics=true"});
  ASSERT_EQ(run({"merge", "one", "weights", "diagnosed"}).status, 0);
  ASSERT_EQ(run({"merge", "other", "diagnosed", "weights"}).status, 0);
  for (const char* merged : {"one", "other"})
    for (const auto& [identity, network] : networks_in(at(merged))) {
      EXPECT_FALSE(network.weights.empty()) << merged;
      EXPECT_FALSE(network.diagnostics.empty()) << merged;
      EXPECT_EQ(network.last_steps, network.steps) << merged;
    }
}

TEST_F(Merge, RefusesWhatIsNotOfOneStudy) {
  run_into("a");
  run_into("other", {"--set", "train.seed=9", "--set", "grid.lr=[5]", "--set", "train.batch=2"});
  for (const char* name : {"x", "y"})
    scratch.write(std::string(name) + "/my.csv",
                  std::string("a,b,label\n0.5,-1,0\n1,") + (name[0] == 'x' ? "2" : "3") + ",1\n");
  for (const char* name : {"x", "y"}) {
    settings.directory = at(name);
    ASSERT_EQ(run({"--output", "../data-" + std::string(name), "--set", "dataset.name=csv", "--set",
                   "dataset.path=my.csv", "--set", "network.layers=[2, 2]", "--set",
                   "train.iterations=60", "--set", "report.smooth_window=51"})
                  .status,
              0);
  }
  settings.directory = scratch.path();
  EXPECT_EQ(
      failure(2, {"merge", "all", "a", "other"}),
      "other: networks.db holds networks of another configuration than a, expected one study");
  EXPECT_EQ(failure(2, {"merge", "all", "data-x", "data-y"}),
            "data-y: networks.db holds networks of other data than data-x, expected one study");
  EXPECT_EQ(failure(2, {"merge", "all", "a", "none"}),
            "none: no networks.db there, expected the directory of a sweep");
  EXPECT_FALSE(fs::exists(at("all")));
  const Rows before = rows_in(at("other"));
  EXPECT_EQ(failure(2, {"merge", "other", "a"}),
            "other: networks.db holds networks of another configuration; --force replaces it, "
            "--output DIR goes elsewhere");
  EXPECT_EQ(failure(2, {"merge", "data-x", "data-y"}),
            "data-x: networks.db holds networks of other data; --force replaces it, --output DIR "
            "goes elsewhere");
  EXPECT_EQ(rows_in(at("other")), before);
  EXPECT_EQ(failure(2, {"merge", "a", "./a"}),
            "./a: is the directory to fill as well, expected others");
  const DirectoryLock lock(at("held"));
  EXPECT_EQ(failure(2, {"merge", "held", "a"}).find("held: in use by process "), 0U);
}

TEST_F(Merge, RefusesADamagedStoreAndKeepsWhatThereIs) {
  run_into("a", {"--shard", "1/2"});
  run_into("b", {"--shard", "2/2", "--device", "cpu"});
  ASSERT_EQ(run({"merge", "all", "a"}).status, 0);
  const Rows before = rows_in(at("all"));
  const ResultFiles files = files_in(at("all"));
  scratch.write("b/networks.db", damaged_store(at("b")));
  EXPECT_NE(failure(2, {"merge", "all", "b"}).find("b/networks.db: is damaged: "),
            std::string::npos);
  EXPECT_EQ(rows_in(at("all")), before);
  EXPECT_EQ(files_in(at("all")), files);
}

}  // namespace
}  // namespace gridrun
