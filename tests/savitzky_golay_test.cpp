#include "savitzky_golay.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "gridrun/error.hpp"
#include "vectors.hpp"

namespace gridrun {
namespace {

/// Bit i of packed bytes in hexadecimal, bit 0 of a byte first.
bool bit(const std::string& hex, std::uint32_t i) {
  return (std::stoi(hex.substr(i / 8 * 2, 2), nullptr, 16) >> (i % 8)) & 1;
}

/// SciPy's own figures are meaningless where its solver fails (they miss the exact ones).
bool scipy_is_sound(const nlohmann::json& vector) {
  return std::abs(vector["end"].get<double>() - vector["exact_end"].get<double>()) < 1e-9;
}

TEST(SavitzkyGolay, IsSciPys) {
  int compared = 0;
  for (const auto& vector : vectors("savitzky_golay")) {
    if (!scipy_is_sound(vector)) continue;
    const auto weights = savitzky_golay_weights(vector["window"], vector["polyorder"]);
    for (const auto& coefficient : vector["coefficients"])
      EXPECT_NEAR(weights[coefficient["index"]], coefficient["value"].get<double>(), 1e-13);
    const std::string bits = vector["bits_hex"];
    const double end = smoothed_at_end(weights, vector["length"],
                                       [&](std::uint32_t i) { return bit(bits, i) ? 1.0 : 0.0; });
    EXPECT_NEAR(end, vector["end"].get<double>(), 1e-12)
        << "window " << vector["window"] << ", order " << vector["polyorder"];
    ++compared;
  }
  EXPECT_GE(compared, 25);
}

TEST(SavitzkyGolay, RefusesAFitThatLosesItsDigits) {
  EXPECT_THROW(savitzky_golay_weights(1001, 5), RequestError);
  EXPECT_NO_THROW(savitzky_golay_weights(101, 5));
}

TEST(SavitzkyGolay, KeepsAPolynomialOfItsOrder) {
  const auto weights = savitzky_golay_weights(11, 3);
  double centre = 0;
  for (int k = -5; k <= 5; ++k)
    centre += weights[k + 5] * (2.0 - k + 0.5 * k * k + 0.125 * k * k * k);
  EXPECT_NEAR(centre, 2.0, 1e-12);
}

}  // namespace
}  // namespace gridrun
