#include "base/parallel.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "peak_memory.hpp"

namespace gridrun {
namespace {

TEST(Parallel, DoesEveryPieceOfWorkOnce) {
  for (const unsigned threads : {0U, 1U, 2U, 5U, 50U}) {
    std::vector<int> done(40);
    parallel_for(done.size(), threads, [&](std::size_t i) { ++done[i]; });
    EXPECT_EQ(done, std::vector<int>(40, 1)) << threads;
  }
  parallel_for(0, 3, [](std::size_t) { FAIL() << "there is no work"; });
}

TEST(Parallel, GoesOnWithTheThreadsThatTheSystemGrants) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  for (const rlim_t left : {1 << 20, 50 << 20})  // no thread's stack, and those of some
    EXPECT_EXIT(
        {
          limit_address_space(left);
          std::vector<int> done(1000);
          parallel_for(done.size(), 100, [&](std::size_t i) { ++done[i]; });
          std::exit(done == std::vector<int>(1000, 1) ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST(Parallel, RethrowsOneOfManyExceptionsOnceAllThreadsHaveEnded) {
  std::atomic<int> begun = 0, ended = 0;
  const auto fail = [&](std::size_t) {
    ++begun;
    const struct AtEnd {
      std::atomic<int>& count;
      ~AtEnd() { ++count; }
    } at_end{ended};
    throw std::runtime_error("failed");
  };
  EXPECT_THROW(parallel_for(1000, 4, fail), std::runtime_error);
  EXPECT_EQ(begun, ended);
  EXPECT_LE(begun, 4) << "a thread that has seen an exception begins no more";
}

TEST(Parallel, AnExceptionEndsWhatOthersHaveBegun) {
  std::atomic<bool> end = false;
  const auto work = [&](std::size_t i) {
    if (i == 0) throw std::runtime_error("first");
    end.wait(false);
    throw std::logic_error("second");
  };
  const auto end_others = [&] {
    EXPECT_FALSE(end.exchange(true)) << "ended twice";
    end.notify_all();
  };
  EXPECT_THROW(parallel_for(1000, 4, work, end_others), std::runtime_error);
}

}  // namespace
}  // namespace gridrun
