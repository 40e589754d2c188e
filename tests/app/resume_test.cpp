// Sweeps that go on: stopped, longer, shorter, told anew, looked at while they run, and in the way
// of others.

#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <regex>

#include "peak_memory.hpp"
#include "sweep_runs.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class Resume : public SweepRuns {
 protected:
  /// Starts the long sweep, has `then` do something once `count` networks are stored, and waits for
  /// its end. What it said on standard error is in `said`.
  int disturb(std::size_t count, const std::function<void(pid_t)>& then, Arguments more = {}) {
    settings.err_file = (scratch.path() / "err").string();
    settings.out_file = (scratch.path() / "said").string();
    fs::remove(settings.err_file);
    fs::remove(settings.out_file);
    more.emplace_back("--verbose");
    const pid_t program = start_program(long_sweep(more), settings);
    wait_for_networks(out(), count);
    then(program);
    const int status = wait_for_program(program);
    said = contents_of(settings.err_file);
    settings.err_file = settings.out_file = "";
    return status;
  }

  std::string said;
};

TEST_F(Resume, GoesOnHoweverItWasStopped) {
  const Undisturbed expected = undisturbed(long_sweep());
  std::size_t before = 0;
  for (const auto& [signal, status, name] : {std::tuple(SIGTERM, 85, "stopped by SIGTERM"),
                                             {SIGUSR1, 85, "stopped by SIGUSR1"},
                                             {SIGINT, 1, "interrupted"},
                                             {SIGHUP, 1, "interrupted"}}) {
    EXPECT_EQ(disturb(before + 1, [kind = signal](pid_t program) { ::kill(program, kind); }),
              status)
        << said;
    const std::size_t stored = stored_in(out());
    EXPECT_GT(stored, before) << name;
    EXPECT_LT(stored, long_networks) << "it was to be stopped before its end";
    EXPECT_EQ(said, fmt::format("gridrun: {}; {} networks are stored, the same command goes on\n",
                                name, stored));
    EXPECT_EQ(networks_shown(out()), stored);
    const auto record = nlohmann::json::parse(contents_of(out() / "run.json"));
    EXPECT_EQ(record["trained"], stored);
    EXPECT_EQ(record["networks"], long_networks);
    before = stored;
  }
  const ProgramResult timed = run(long_sweep({"--max-seconds", "0.8"}));
  EXPECT_EQ(timed.status, 85) << timed.err;
  EXPECT_NE(timed.out.find(fmt::format(", {} of them trained before, ", before)),
            std::string::npos);
  EXPECT_NE(timed.err.find("gridrun: stopped by --max-seconds; "), std::string::npos) << timed.err;
  EXPECT_EQ(run(long_sweep({"--device", "cpu"})).status, 0);
  expect_same(out(), expected);
  const auto seconds = networks_in(out());
  const ProgramResult again = run(long_sweep());
  EXPECT_NE(again.out.find("360 networks, 360 of them trained before, "), std::string::npos);
  for (const auto& [identity, network] : networks_in(out()))
    EXPECT_EQ(network.seconds, seconds.at(identity).seconds) << "nothing is trained twice";
}

TEST_F(Resume, AStopBeforeTheFirstNetworkLeavesNothing) {
  settings.interrupt_after = "networks";
  settings.interrupt_signal = SIGTERM;
  const ProgramResult result =
      run({"--set", "train.iterations=20000000", "--output", "a/b", "--max-seconds", "1000"});
  EXPECT_EQ(result.status, 85);
  EXPECT_EQ(result.err, "gridrun: stopped by SIGTERM; nothing was written\n");
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST_F(Resume, ALongerAxisAddsAndAShorterOneShowsItsPart) {
  const Arguments longer = {"--set", R"(grid."train.seed"={from=1,to=9})"};
  const Arguments shorter = {"--set", "grid.lr=[5, 9]"};
  ASSERT_EQ(run(small_sweep()).status, 0);
  const auto first = networks_in(out());
  ASSERT_EQ(first.size(), 36U);

  const ProgramResult added = run(small_sweep(longer));
  EXPECT_NE(added.out.find("digits: 54 networks, 36 of them trained before, "), std::string::npos)
      << added.out;
  expect_same(out(), undisturbed(small_sweep(longer)));
  const auto second = networks_in(out());
  for (const auto& [identity, network] : first) {
    EXPECT_EQ(second.at(identity).seconds, network.seconds) << "it is not trained again";
    EXPECT_EQ(second.at(identity).device, network.device);
  }

  const ProgramResult part = run(small_sweep(shorter));
  EXPECT_NE(part.out.find("digits: 24 networks, 24 of them trained before, "), std::string::npos);
  EXPECT_TRUE(files_in(out()) == undisturbed(small_sweep(shorter)).files);
  EXPECT_EQ(networks_in(out()).size(), 54U) << "what is not shown is kept";
}

TEST_F(Resume, AShardThatHasNoTableWholeHasItsFiles) {
  const ProgramResult result = run(small_sweep({"--shard", "1/30", "--set", "report.curves=true"}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("no table is whole yet: 1 of 36 networks are trained\n"),
            std::string::npos)
      << result.out;
  EXPECT_EQ(networks_shown(out()), 1U);
  EXPECT_EQ(nlohmann::json::parse(contents_of(out() / "answers.json"))["slices"].size(), 0U);
  EXPECT_EQ(run({"status", "out"}).out.find("networks   1, 1 done, 0 left\n"), 0U);
}

TEST_F(Resume, ForceStartsAnew) {
  ASSERT_EQ(run(small_sweep({"--device", "reference"})).status, 0);
  ASSERT_EQ(run(small_sweep({"--device", "cpu"})).status, 0);
  for (const auto& [identity, network] : networks_in(out())) EXPECT_EQ(network.engine, "reference");
  ASSERT_EQ(run(small_sweep({"--device", "cpu", "--set", "grid.lr=[5]", "--force"})).status, 0);
  EXPECT_EQ(networks_in(out()).size(), 12U);
  for (const auto& [identity, network] : networks_in(out())) EXPECT_EQ(network.engine, "cpu");
}

TEST_F(Resume, WhatForceReplacesStaysUntilTheFirstNewNetwork) {
  ASSERT_EQ(run(small_sweep()).status, 0);
  const Rows rows = rows_in(out());
  settings.interrupt_after = "networks";
  const Arguments forever = {"--set", "train.iterations=20000000", "--output", "out", "--force"};
  EXPECT_EQ(run(forever).status, 1);
  EXPECT_EQ(rows_in(out()), rows);
  settings.interrupt_after = "";
  EXPECT_EQ(disturb(1, [](pid_t) {}, {"--force", "--max-seconds", "1.5"}), 85) << said;
  EXPECT_NE(said.find(" stored, the same command without --force goes on"), std::string::npos)
      << said;
  EXPECT_EQ(run(long_sweep({"--device", "cpu"})).status, 0);
  expect_same(out(), undisturbed(long_sweep()));
}

TEST_F(Resume, ANewToleranceOrMetricIsToldWithoutTraining) {
  const Arguments other = {"--set", "report.tolerance=0.2", "--set", "report.metric='accuracy'"};
  ASSERT_EQ(run(small_sweep()).status, 0);
  const auto before = networks_in(out());
  const ProgramResult result = run(small_sweep(other));
  EXPECT_NE(result.out.find("36 networks, 36 of them trained before"), std::string::npos);
  expect_same(out(), undisturbed(small_sweep(other)));
  for (const auto& [identity, network] : networks_in(out()))
    EXPECT_EQ(network.seconds, before.at(identity).seconds);
}

TEST_F(Resume, WhatIsTrainedAgainKeepsWhatTheStoreHas) {
  const Arguments weights = {"--set", "report.weights=true", "--set", "report.curves=true"};
  ASSERT_EQ(run(small_sweep(weights)).status, 0);
  ASSERT_EQ(run(small_sweep({"--set", "report.diagnostics=true"})).status, 0);
  for (const auto& [identity, network] : networks_in(out())) {
    EXPECT_FALSE(network.diagnostics.empty());
    EXPECT_FALSE(network.weights.empty()) << "they were there";
    EXPECT_EQ(network.last_steps, network.steps);
  }
  const ProgramResult again = run(small_sweep(weights));
  EXPECT_NE(again.out.find("36 of them trained before"), std::string::npos) << again.out;
}

TEST_F(Resume, WhatIsAskedForLaterIsTrainedAgainAndKept) {
  const std::string curves = "report.curves=true", weights = "report.weights=true";
  const std::string diagnostics = "report.diagnostics=true";
  ASSERT_EQ(run(small_sweep()).status, 0);
  for (const Arguments& more :
       std::vector<Arguments>{{"--set", curves},
                              {"--set", curves, "--set", weights},
                              {"--set", curves, "--set", weights, "--set", diagnostics}}) {
    const ProgramResult result = run(small_sweep(more));
    EXPECT_EQ(result.out.find("trained before"), std::string::npos) << result.out;
    expect_same(out(), undisturbed(small_sweep(more)));
  }
  const ProgramResult less = run(small_sweep());
  EXPECT_NE(less.out.find("36 of them trained before"), std::string::npos);
  EXPECT_TRUE(files_in(out()) == undisturbed(small_sweep()).files);
  const ProgramResult more = run(small_sweep({"--set", curves, "--set", weights}));
  EXPECT_NE(more.out.find("36 of them trained before"), std::string::npos) << "they were kept";
}

TEST_F(Resume, OtherStudiesAndOtherDataAreRefused) {
  scratch.write("my.csv", "a,b,label\n0.5,-1,0\n1,2,1\n");
  const Arguments study = {"--output", "out",
                           "--set",    "dataset.name=csv",
                           "--set",    "dataset.path=my.csv",
                           "--set",    "network.layers=[2, 2]",
                           "--set",    "train.iterations=60",
                           "--set",    "report.smooth_window=51"};
  ASSERT_EQ(run(study).status, 0);
  const Rows rows = rows_in(out());
  const ResultFiles files = files_in(out());
  const std::string way_out = "; --force replaces it, --output DIR goes elsewhere";
  Arguments other = study;
  other.insert(other.end(), {"--set", "train.seed=3"});
  EXPECT_EQ(failure(2, other),
            "out: networks.db holds networks of another configuration" + way_out);
  other = study;
  other.insert(other.end(), {"--set", R"(grid."train.seed"=[1, 2])"});
  EXPECT_EQ(failure(2, other), "out: networks.db holds networks of another configuration" + way_out)
      << "a table has other columns";
  scratch.write("my.csv", "a,b,label\n0.5,-1,0\n1,3,1\n");
  EXPECT_EQ(failure(2, study), "out: networks.db holds networks of other data" + way_out);
  EXPECT_EQ(rows_in(out()), rows);
  EXPECT_EQ(files_in(out()), files);
}

TEST_F(Resume, AStoreThatIsNoneOfOursIsSaidAndNeverUsed) {
  ASSERT_EQ(run(small_sweep({"--device", "cpu"})).status, 0);
  const fs::path store = out() / "networks.db";
  const std::string sound = contents_of(store);
  const std::string turned = damaged_store(out());
  std::string newer = sound, torn = sound;
  newer[63] = '\3';  // PRAGMA user_version
  torn.resize(torn.size() / 2);
  for (const auto& [bytes, what] :
       {std::pair(newer, "it is of version 3; expected version 2"),
        {torn, "is damaged: "},
        {turned, "is damaged: "},
        {"no database, but longer than a hundred bytes" + std::string(200, '-'),
         "is damaged: file is not a database"}}) {
    scratch.write("out/networks.db", bytes);
    for (const Arguments& command :
         std::vector<Arguments>{small_sweep(),
                                small_sweep({"--set", R"(grid."train.seed"={from=1,to=9})"}),
                                {"export", "out"},
                                {"merge", "all", "out"}}) {
      EXPECT_NE(failure(2, command).find(what), std::string::npos) << command.front();
      EXPECT_EQ(contents_of(store), bytes) << command.front();
    }
    EXPECT_FALSE(fs::exists(scratch.path() / "all"));
  }
  EXPECT_EQ(run(small_sweep({"--force"})).status, 0);
  expect_same(out(), undisturbed(small_sweep()));
  fs::remove(store);
  fs::create_directory(store);
  for (const Arguments& more : {Arguments{}, {"--force"}})
    EXPECT_NE(failure(2, small_sweep(more)).find("networks.db: cannot be used: it is not a file"),
              std::string::npos);
}

TEST_F(Resume, StatusTellsHowFarItIs) {
  EXPECT_EQ(failure(2, {"status", "none"}),
            "none: no networks.db there, expected the directory of a sweep");
  std::string during;
  EXPECT_EQ(disturb(1,
                    [&](pid_t program) {
                      during = run_program({"status", "out"}, calm()).out;
                      ::kill(program, SIGUSR1);
                      EXPECT_NE(during.find(fmt::format("\nrunning    process {} on ", program)),
                                std::string::npos);
                    }),
            85);
  const std::regex of_a_run(
      R"(networks   360, \d+ done, \d+ left\nrunning    process .*\nrate       \S+ networks a second\n)"
      R"(time left  \d+ \S+\nfailed     none\n)");
  EXPECT_TRUE(std::regex_match(during, of_a_run)) << during;
  const std::size_t stored = stored_in(out());
  const std::string after = run({"status", "out"}).out;
  EXPECT_EQ(after.find(fmt::format("networks   360, {} done, {} left\nrunning    no\n", stored,
                                   long_networks - stored)),
            0U)
      << after;
  ASSERT_EQ(run(long_sweep({"--device", "cpu"})).status, 0);
  const std::string done = run({"status", "out"}).out;
  EXPECT_EQ(done.find("networks   360, 360 done, 0 left\nrunning    no\nrate "), 0U) << done;
  EXPECT_EQ(done.find("time left"), std::string::npos);
  ASSERT_EQ(run(small_sweep({"--output", "small"})).status, 0);
  EXPECT_EQ(run(small_sweep({"--output", "small", "--set", "report.curves=true", "--set",
                             "train.iterations=20000000"}))
                .status,
            2);
  EXPECT_EQ(run({"status", "small"}).out.find("networks   36, 36 done, 0 left\n"), 0U);
}

TEST_F(Resume, ExportsWhileItRuns) {
  const Undisturbed expected = undisturbed(long_sweep());
  const std::regex in_use(R"(gridrun: out: in use by process \d+ on \S+ since .* UTC; .*\n)");
  const int status = disturb(1, [&](pid_t program) {
    for (int round = 0; round < 5; ++round) {
      const pid_t other = start_program({"export", "out"}, calm());
      const ProgramResult here = run_program({"export", "out", "--quiet"}, calm());
      EXPECT_EQ(here.status, 0) << here.err;
      EXPECT_EQ(wait_for_program(other), 0);
      EXPECT_GT(networks_shown(out()), 0U);
    }
    const ProgramResult elsewhere = run_program({"export", "out", "--output", "there"}, calm());
    EXPECT_EQ(elsewhere.status, 0) << elsewhere.err;
    EXPECT_GT(networks_shown(scratch.path() / "there"), 0U);
    for (const Arguments& writer : {long_sweep(), long_sweep({"--force"})}) {
      const ProgramResult second = run_program(writer, calm());
      EXPECT_EQ(second.status, 2);
      EXPECT_TRUE(std::regex_match(second.err, in_use)) << second.err;
    }
    ::kill(program, SIGTERM);
  });
  EXPECT_EQ(status, 85) << said;
  EXPECT_EQ(run(long_sweep({"--device", "cpu"})).status, 0);
  expect_same(out(), expected);
  EXPECT_EQ(run({"export", "out", "--output", "there"}).status, 0);
  EXPECT_TRUE(files_in(scratch.path() / "there") == expected.files);
  EXPECT_EQ(failure(2, {"export", "none"}),
            "none: no networks.db there, expected the directory of a sweep");
  ASSERT_EQ(run(small_sweep({"--output", "small"})).status, 0);
  EXPECT_EQ(failure(2, {"export", "out", "--output", "small"}),
            "--output small: holds a networks.db of its own, expected a directory for files only");
}

TEST_F(Resume, WhatWasStoredOutlivesAFullDisk) {
  const Undisturbed expected = undisturbed(long_sweep());
  std::size_t most_stored = 0;
  for (const rlim_t kibibytes : {60, 120, 200}) {
    settings.largest_file = kibibytes << 10;
    const ProgramResult result = run(long_sweep());
    if (result.status == 0) continue;
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    if (fs::exists(out() / "networks.db")) {
      EXPECT_GE(stored_in(out()), most_stored);
      most_stored = std::max(most_stored, stored_in(out()));
    }
  }
  EXPECT_GT(most_stored, 0U);
  settings.largest_file = RLIM_INFINITY;
  EXPECT_EQ(run(long_sweep({"--device", "cpu"})).status, 0);
  expect_same(out(), expected);
}

/// A directory without the right to write in it, which root always has.
TEST_F(Resume, ADirectoryThatMayOnlyBeReadIsReadAndRefused) {
  settings.unprivileged = true;
  fs::permissions(scratch.path(), fs::perms::owner_all | fs::perms::others_all);
  ASSERT_EQ(run(small_sweep()).status, 0);
  const ResultFiles files = files_in(out());
  for (const fs::path& path : {out() / ".gridrun", out()})
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(failure(2, small_sweep()),
            "out: cannot be written: Permission denied; --output DIR goes elsewhere");
  EXPECT_EQ(failure(2, {"export", "out"}),
            "out: cannot be written: Permission denied; --output DIR goes elsewhere");
  EXPECT_EQ(run({"status", "out"}).out.find("networks   36, 36 done, 0 left\n"), 0U);
  EXPECT_EQ(run({"export", "out", "--output", "there"}).status, 0);
  EXPECT_TRUE(files_in(scratch.path() / "there") == files);
  for (const fs::path& path : {out(), out() / ".gridrun"})
    fs::permissions(path, fs::perms::owner_all);
}

TEST_F(Resume, JumpsOfTheClockChangeNothing) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer is preloaded itself";
  const fs::path clock = scratch.path() / "clock.so";  // LD_PRELOAD takes no path with a space
  fs::copy_file(GRIDRUN_JUMPING_CLOCK, clock);
  settings.environment = {"LD_PRELOAD=" + clock.string()};
  const auto time = std::chrono::year_month_day(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  const std::string this_year = fmt::format(" since {}-", static_cast<int>(time.year()));
  std::string holder;
  EXPECT_EQ(disturb(1,
                    [&](pid_t program) {
                      holder = contents_of(out() / ".gridrun.lock");
                      ::kill(program, SIGTERM);
                    }),
            85)
      << said;
  EXPECT_NE(holder.find(" since "), std::string::npos);
  EXPECT_EQ(holder.find(this_year), std::string::npos) << "the clock did not jump";
  EXPECT_EQ(run(long_sweep({"--max-seconds", "1"})).status, 85);
  EXPECT_EQ(run(long_sweep({"--device", "cpu", "--max-seconds", "1000"})).status, 0);
  expect_same(out(), undisturbed(long_sweep()));
  for (const auto& [identity, network] : networks_in(out())) {
    EXPECT_GE(network.seconds, 0);
    EXPECT_LT(network.seconds, 1000);
  }
}

TEST_F(Resume, ARunWhoseStoreIsRemovedStops) {
  EXPECT_EQ(disturb(1, [&](pid_t) { fs::remove(out() / "networks.db"); }), 1);
  EXPECT_EQ(said,
            "gridrun: out/networks.db: cannot be written: it was moved, removed or replaced while "
            "it was open\n");
  EXPECT_EQ(run(long_sweep({"--device", "cpu"})).status, 0);
  expect_same(out(), undisturbed(long_sweep()));
}

/// The run whose directory was moved must not touch the one that stands in its place.
TEST_F(Resume, ARunWhoseDirectoryIsMovedStopsAndHarmsNoOther) {
  const Undisturbed expected = undisturbed(long_sweep());
  int in_its_place = 0;
  EXPECT_EQ(disturb(1,
                    [&](pid_t) {
                      fs::rename(out(), scratch.path() / "moved");
                      const pid_t other = start_program(long_sweep(), calm());
                      wait_for_networks(out(), 1);
                      in_its_place = wait_for_program(other);
                    }),
            1);
  EXPECT_NE(said.find("it was moved, removed or replaced while it was open"), std::string::npos)
      << said;
  EXPECT_EQ(in_its_place, 0);
  expect_same(out(), expected);
  EXPECT_GT(stored_in(scratch.path() / "moved"), 0U);
  EXPECT_EQ(run(long_sweep({"--device", "cpu", "--output", "moved"})).status, 0);
  expect_same(scratch.path() / "moved", expected);
}

}  // namespace
}  // namespace gridrun
