#include "app/progress_bar.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace gridrun
