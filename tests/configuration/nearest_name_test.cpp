#include "configuration/nearest_name.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

TEST(NearestName, SuggestsWhatIsNear) {
  const std::vector<std::string> known = {"train.seed", "train.iterations", "grid.lr"};
  EXPECT_EQ(suggestion("train.iteration", known), "; did you mean train.iterations?");
  EXPECT_EQ(suggestion("train.sede", known), "; did you mean train.seed?");
  EXPECT_EQ(suggestion("seed", known), "; did you mean train.seed?");
  EXPECT_EQ(suggestion("grid.seed", known), "; did you mean train.seed?");
  EXPECT_EQ(suggestion("zzzzzzzzzzzzz", known), "");
}

}  // namespace
}  // namespace gridrun
