#include "app/progress_bar.hpp"

#include <gtest/gtest.h>

#include "peak_memory.hpp"

namespace gridrun {
namespace {

TEST(ProgressBar, SaysHowFarAndHowLong) {
  EXPECT_EQ(progress_line(0, 100, 0.0, 100), "training [" + std::string(40, '.') + "]   0 %");
  EXPECT_EQ(progress_line(25, 100, 2.0, 100),
            "training [" + std::string(10, '#') + std::string(30, '.') + "]  25 %, 6 s left");
  EXPECT_EQ(progress_line(100, 100, 8.0, 100),
            "training [" + std::string(40, '#') + "] 100 %, 0 s left");
}

TEST(ProgressBar, FitsTheTerminal) {
  EXPECT_EQ(progress_line(25, 100, 2.0, 40), "training [###.........]  25 %, 6 s left");
  for (std::size_t width = 0; width < 90; ++width)
    EXPECT_LE(progress_line(25, 100, 2.0, width).size(), width == 0 ? 0 : width - 1);
}

TEST(ProgressBar, IsDispensable) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  EXPECT_EXIT(
      {
        limit_address_space(1 << 20);  // less than a thread's stack
        const Progress progress;
        const ProgressBar bar(progress, 1);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace gridrun
