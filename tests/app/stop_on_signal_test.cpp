#include "app/stop_on_signal.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace gridrun {
namespace {

/// Whatever the tests were started under.
class StopOnSignalTest : public ::testing::Test {
 protected:
  StopOnSignalTest() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) std::signal(signal, SIG_DFL);
  }
};

TEST_F(StopOnSignalTest, StopsOnEachOfItsSignals) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    Progress progress;
    const StopOnSignal stop_on_signal(progress);
    std::raise(signal);
    EXPECT_TRUE(progress.stopped()) << signal;
  }
}

TEST_F(StopOnSignalTest, LeavesIgnoredSignalsIgnored) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    std::signal(signal, SIG_IGN);
    Progress progress;
    {
      const StopOnSignal stop_on_signal(progress);
      std::raise(signal);
    }
    EXPECT_FALSE(progress.stopped()) << signal;
    EXPECT_EQ(std::signal(signal, SIG_DFL), SIG_IGN) << signal;
  }
}

TEST_F(StopOnSignalTest, EndsTheProgramOnTheSecondSignal) {
  for (const int second : {SIGINT, SIGTERM, SIGHUP, SIGUSR1})
    EXPECT_EXIT(
        {
          Progress progress;
          const StopOnSignal stop_on_signal(progress);
          std::raise(SIGINT);
          std::raise(second);
        },
        ::testing::KilledBySignal(second), "");
}

}  // namespace
}  // namespace gridrun
