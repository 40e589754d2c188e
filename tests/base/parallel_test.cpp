#include "base/parallel.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

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

}  // namespace
}  // namespace gridrun
