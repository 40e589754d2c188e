// A bulk sweep that is killed again and again is, in the end, the one that nothing disturbed.
// GRIDRUN_SOAK_KILLS says how often, GRIDRUN_SOAK_SEED when: tools/soak.

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "sweep_runs.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

int number_in(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

class Soak : public SweepRuns {
 protected:
  /// 1,200 networks of four axes in 200 batches, into "out".
  static Arguments bulk_sweep() {
    return small_sweep({"--device", "reference", "--set", "train.iterations=1000", "--set",
                        R"(grid."train.seed"={from=1,to=100})", "--set",
                        R"(grid."init.std"=[50.0, 500.0])"});
  }

  /// Starts a command and kills it after a random time of at most `most`. Returns whether it still
  /// ran.
  bool kill_soon(const Arguments& command, std::chrono::microseconds most) {
    return kill_after(start_program(command, settings), most);
  }

  bool kill_after(pid_t program, std::chrono::microseconds most) {
    std::this_thread::sleep_for(most * std::uniform_real_distribution<>()(random));
    ::kill(program, SIGKILL);
    const int status = wait_for_program(program);
    EXPECT_TRUE(status == 0 || status == 128 + SIGKILL) << status;
    return status == 128 + SIGKILL;
  }

  /// Expects files of one run whole, and a store that has lost nothing.
  void expect_sound() {
    if (!fs::exists(out() / "networks.db")) return;
    const std::size_t stored = stored_in(out());
    EXPECT_GE(stored, stored_before);
    stored_before = stored;
    if (!fs::exists(out() / "run.json")) return;
    const auto record = nlohmann::json::parse(contents_of(out() / "run.json"));
    EXPECT_EQ(record["trained"], networks_shown(out()));
  }

  std::mt19937 random{static_cast<std::uint32_t>(number_in("GRIDRUN_SOAK_SEED", 1))};
  std::size_t stored_before = 0;
};

TEST_F(Soak, KilledAgainAndAgainASweepEndsAsUndisturbed) {
  using std::chrono::milliseconds;
  const Undisturbed expected = undisturbed(bulk_sweep());
  const int most_kills = number_in("GRIDRUN_SOAK_KILLS", 25);
  int of_runs = 0, of_exports = 0, of_merges = 0, sweeps = 0;
  while (of_runs < most_kills && !HasFailure()) {
    const pid_t run = start_program(bulk_sweep(), settings);
    // An export from the sweep that runs, which is killed as well.
    if (random() % 4 == 0 && stored_before != 0)
      of_exports += kill_soon({"export", "out"}, milliseconds(30));
    const bool was_killed = kill_after(run, milliseconds(1200));
    of_runs += was_killed;
    expect_sound();
    if (random() % 4 == 0 && stored_before != 0) {
      of_merges += kill_soon({"merge", "all", "out"}, milliseconds(60));
      of_exports += kill_soon({"export", "out"}, milliseconds(30));
      expect_sound();
    }
    if (was_killed) continue;
    ++sweeps;
    expect_same(out(), expected);
    EXPECT_EQ(this->run({"merge", "all", "out"}).status, 0);
    expect_same(scratch.path() / "all", expected);
    fs::remove_all(out());
    fs::remove_all(scratch.path() / "all");
    stored_before = 0;
  }
  const ProgramResult last = run(with(bulk_sweep(), {"--device", "cpu"}));
  EXPECT_EQ(last.status, 0) << last.err;
  expect_same(out(), expected);
  EXPECT_EQ(run({"merge", "all", "out"}).status, 0);
  expect_same(scratch.path() / "all", expected);
  std::cout << fmt::format("killed {} runs, {} exports and {} merges in {} sweeps\n", of_runs,
                           of_exports, of_merges, sweeps + 1);
}

}  // namespace
}  // namespace gridrun
