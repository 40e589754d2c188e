#include "gridrun/arithmetic.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "vectors.hpp"

namespace gridrun {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

TEST(Arithmetic, WrapsModulo2To64) {
  EXPECT_EQ(wrapping_add(largest, 1), smallest);
  EXPECT_EQ(wrapping_subtract(smallest, 1), largest);
  EXPECT_EQ(wrapping_multiply(smallest, -1), smallest);
  EXPECT_EQ(wrapping_multiply(std::int64_t{1} << 62, 6), smallest);
  EXPECT_EQ(wrapping_multiply(-3, 5), -15);
}

TEST(Arithmetic, ShiftsRoundTowardMinusInfinity) {
  EXPECT_EQ(floor_shift(7, 1), 3);
  EXPECT_EQ(floor_shift(-7, 1), -4);
  EXPECT_EQ(floor_shift(-1, 63), -1);
  EXPECT_EQ(floor_shift(smallest, 63), -1);
  EXPECT_EQ(floor_shift(largest, 63), 0);
}

TEST(Arithmetic, MagnitudeOfTheSmallestIntegerIs2To63) {
  EXPECT_EQ(magnitude(smallest), std::uint64_t{1} << 63);
  EXPECT_EQ(magnitude(-5), 5U);
  EXPECT_EQ(magnitude(5), 5U);
}

TEST(Arithmetic, DroppedBitsAreWhatTheShiftLost) {
  for (const std::int64_t u :
       {std::int64_t{-1}, std::int64_t{-1000}, std::int64_t{12345}, smallest})
    for (const int lr : {0, 1, 7, 62}) {
      const std::int64_t kept = wrapping_multiply(floor_shift(u, lr), std::int64_t{1} << lr);
      EXPECT_EQ(static_cast<std::int64_t>(dropped_by_shift(u, lr)), wrapping_subtract(u, kept));
    }
}

TEST(Arithmetic, QuantisesAsNumPyDoes) {
  for (const auto& vector : vectors("fixed_point"))
    EXPECT_EQ(quantise(vector["input"], vector["fraction"]), integer(vector["x"]))
        << vector["input"] << " at fraction " << vector["fraction"];
}

TEST(Arithmetic, ActivationsAndTheirErrors) {
  // z = 1.5 at fraction 4: 24 * 2^4; a = 24.
  EXPECT_EQ(activate(24 << 4, 4, Activation::relu), 24);
  EXPECT_EQ(activate(-24 << 4, 4, Activation::relu), 0);
  EXPECT_EQ(activate(-24 << 4, 4, Activation::linear), -24);
  EXPECT_EQ(delta(16, 24 << 4, 4, Activation::relu), -8);
  EXPECT_EQ(delta(16, -24 << 4, 4, Activation::relu), 0);
  EXPECT_EQ(delta(16, -24 << 4, 4, Activation::linear), 40);
  // A positive sum below one unit is active but passes no error.
  EXPECT_EQ(activate(15, 4, Activation::relu), 0);
  EXPECT_EQ(delta(16, 15, 4, Activation::relu), 0);
}

}  // namespace
}  // namespace gridrun
