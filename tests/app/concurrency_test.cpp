// Runs at once in one directory: one has it, the others say so, and nothing is mixed or lost.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <random>
#include <regex>
#include <thread>

#include "result_snapshot.hpp"
#include "results/directory_lock.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

class Concurrency : public ShortRuns {};

TEST_F(Concurrency, ASecondRunSaysWhoHasTheDirectory) {
  run(with_all_files);
  const DirectoryLock lock(output());
  for (const char* option : {"--quiet", "--force"}) {
    const ProgramResult result = run(with_fewest_files, {option});
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.find("gridrun: out: in use by process " + std::to_string(::getpid())), 0U)
        << result.err;
  }
  EXPECT_EQ(snapshot(), expected(with_all_files));
}

TEST_F(Concurrency, RunsAtOnceLeaveTheFilesOfOne) {
  struct Started {
    pid_t program;
    std::string err_file;
    bool interrupted;
    Short run;
  };
  const std::regex in_use(R"(gridrun: out: in use by process \d+ on \S+ since .* UTC; .*\n)");
  const std::regex refused(
      "gridrun: out: (holds run.json|networks.db holds networks) of another configuration; .*\\n");
  const std::regex interruption(
      "gridrun: interrupted; (nothing was written|4 networks are stored, the same command( without "
      "--force)? goes on)\n");
  std::mt19937 random(9);
  int lost = 0;
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    if (random() % 2) fs::remove_all(output());
    const Snapshot before = snapshot();
    std::vector<Started> all;
    for (int i = 0; i < 4; ++i) {
      const Short chosen = random() % 2 ? with_all_files : with_fewest_files;
      settings.err_file = (scratch.path() / ("err" + std::to_string(i))).string();
      fs::remove(settings.err_file);
      std::vector<std::string> options;
      if (random() % 2) options = {"--force"};
      const pid_t program = start_program(arguments_of(chosen, options), settings);
      all.push_back({program, settings.err_file, false, chosen});
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    }
    if (random() % 2) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 10000));
      Started& one = all[random() % all.size()];
      one.interrupted = true;
      ::kill(one.program, SIGINT);
    }
    std::vector<Snapshot> possible;
    std::optional<Snapshot> killed;
    for (const Started& one : all) {
      const int status = wait_for_program(one.program);
      const std::string err = contents_of(one.err_file);
      if (status == 0) {
        possible.push_back(expected(one.run));
        EXPECT_EQ(err, "");
      } else if (status == 2) {
        EXPECT_TRUE(std::regex_match(err, in_use) || std::regex_match(err, refused)) << err;
        lost += std::regex_match(err, in_use);
      } else {
        EXPECT_TRUE(one.interrupted) << status << ": " << err;
        if (status == 1)
          EXPECT_TRUE(std::regex_match(err, interruption)) << err;
        else  // before it was ready for the signal, or at its very end
          EXPECT_EQ(status, 128 + SIGINT);
        killed = expected(one.run);
      }
    }
    const Snapshot left = snapshot();
    if (possible.empty()) possible.push_back(before);
    if (killed) possible.push_back(*killed);
    EXPECT_NE(std::find(possible.begin(), possible.end(), left), possible.end())
        << round << ": " << describe(left);
    if (!left.empty()) expect_no_leftovers(run_of(left));
  }
  EXPECT_GT(lost, 0) << "no two runs met";
}

}  // namespace
}  // namespace gridrun
