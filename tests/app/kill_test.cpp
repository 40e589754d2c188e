// Runs killed at any moment: what is left is whole, and the next run finds nothing in its way.

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "result_snapshot.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

/// The system calls that change what a directory shows, or let the disk keep it.
bool changes_files(std::uint64_t number) {
  static constexpr long calls[] = {
#ifdef SYS_rename
      SYS_rename,    SYS_unlink,   SYS_mkdir,   SYS_rmdir,     SYS_symlink, SYS_link,
#endif
      SYS_renameat2, SYS_unlinkat, SYS_mkdirat, SYS_symlinkat, SYS_linkat,  SYS_fsync,
      SYS_ftruncate, SYS_write,    SYS_pwrite64};
  return std::find(std::begin(calls), std::end(calls), static_cast<long>(number)) !=
         std::end(calls);
}

constexpr auto as_it_is = fs::copy_options::recursive | fs::copy_options::copy_symlinks;

/// Lets a traced program go on to the n-th system call of its threads that changes files, and kills
/// it before the kernel carries that out. Returns whether there was such a call; else it has ended.
bool kill_at_call(pid_t program, int n) {
  int status = 0;
  ::waitpid(program, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, program, 0,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
  ::ptrace(PTRACE_SYSCALL, program, 0, 0);
  std::set<pid_t> known = {program};  // threads
  bool killed = false;
  for (;;) {
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (!WIFSTOPPED(status)) {
      if (thread == program || thread < 0) return killed;
      continue;
    }
    int signal = WSTOPSIG(status);
    const bool is_call = signal == (SIGTRAP | 0x80), is_event = status >> 16 != 0;
    if (is_call || is_event || known.insert(thread).second) signal = 0;
    __ptrace_syscall_info info{};
    if (is_call && !killed && ::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_files(info.entry.nr) && --n == 0) {
      ::kill(program, SIGKILL);
      killed = true;
      continue;
    }
    ::ptrace(PTRACE_SYSCALL, thread, 0, signal);
  }
}

class Kill : public ShortRuns {
 protected:
  /// Expects the files of one of two runs whole, and that one of them goes on from there: the one
  /// that the store is of, or, where it is of none, the files.
  void expect_sound(const Snapshot& before, const Snapshot& after) {
    const Snapshot left = snapshot();
    EXPECT_TRUE(left == before || left == after) << "left: " << describe(left);
    if (::testing::Test::HasFailure()) return;
    for (const Short& next : {with_all_files, with_fewest_files}) {
      const ProgramResult result = run(next);
      if (result.status == 0) {
        EXPECT_EQ(snapshot(), expected(next));
        return expect_no_leftovers(next);
      }
      EXPECT_EQ(result.status, 2) << result.err;
      EXPECT_NE(result.err.find(" of another configuration; --force replaces it"),
                std::string::npos)
          << result.err;
      EXPECT_EQ(snapshot(), left);
    }
    ADD_FAILURE() << "neither run goes on";
  }

  /// Kills a run at each of its calls in turn, each time in a directory made by `prepare`.
  int kill_at_every_call(const Short& next, const std::function<void()>& prepare) {
    ProgramSettings traced = settings;
    traced.traced = true;
    traced.environment = {"ASAN_OPTIONS=detect_leaks=0"};  // which would trace it as well
    const auto arguments = arguments_of(next, {"--force"});
    for (int n = 1;; ++n) {
      fs::remove_all(output());
      prepare();
      const Snapshot before = snapshot();
      const bool killed = kill_at_call(start_program(arguments, traced), n);
      if (!killed) {
        EXPECT_EQ(snapshot(), expected(next));
        expect_no_leftovers(next);
        return n - 1;
      }
      expect_sound(before, expected(next));
      if (HasFailure()) {
        ADD_FAILURE() << "killed at call " << n;
        return n;
      }
    }
  }
};

TEST_F(Kill, AtEveryCallOfAFirstRun) {
  EXPECT_GT(kill_at_every_call(with_all_files, [] {}), 20);
}

TEST_F(Kill, AtEveryCallOfARunThatReplacesAnother) {
  const ScratchDirectory kept(memory_directory());
  for (const Short& first : {with_all_files, with_fewest_files}) {
    const fs::path copy = kept.path() / first.seed;
    fs::remove_all(output());
    ASSERT_EQ(run(first).status, 0);
    fs::copy(output(), copy, as_it_is);
    EXPECT_GT(kill_at_every_call(first.all_files ? with_fewest_files : with_all_files,
                                 [&] { fs::copy(copy, output(), as_it_is); }),
              20);
  }
}

TEST_F(Kill, AtEveryCallOfARunThatReplacesPlainFiles) {
  const Snapshot plain = expected(with_all_files);
  EXPECT_GT(kill_at_every_call(with_fewest_files,
                               [&] {
                                 fs::create_directory(output());
                                 for (const auto& [name, text] : plain)
                                   scratch.write("out/" + name, text);
                               }),
            30);
}

TEST_F(Kill, AtRandomMoments) {
  std::mt19937 random(9);
  run(with_all_files);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  run(with_all_files);
  const auto length = Clock::now() - start;
  Snapshot before = snapshot();
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    const Short next = random() % 2 ? with_all_files : with_fewest_files;
    const pid_t program = start_program(arguments_of(next, {"--force"}), settings);
    // Half of the kills fall into the last quarter, in which files are written.
    const double share = std::uniform_real_distribution<>(random() % 2 ? 0.75 : 0.0, 1.1)(random);
    std::this_thread::sleep_for(length * share);
    ::kill(program, SIGKILL);
    wait_for_program(program);
    const Snapshot left = snapshot();
    EXPECT_TRUE(left == before || left == expected(next)) << round << ": " << describe(left);
    before = left;
    if (round % 20 == 19) {
      expect_sound(before, before);
      before = snapshot();
    }
  }
}

}  // namespace
}  // namespace gridrun
