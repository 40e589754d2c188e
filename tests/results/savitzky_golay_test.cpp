#include "results/savitzky_golay.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "vectors.hpp"

namespace gridrun {
namespace {

/// Bit i of packed bytes in hexadecimal, bit 0 of a byte first.
bool bit(const std::string& hex, std::uint32_t i) {
  return (std::stoi(hex.substr(i / 8 * 2, 2), nullptr, 16) >> (i % 8)) & 1;
}

/// Weights from exact fractions, by distance from the centre.
nlohmann::json exact_weights() {
  std::ifstream file(GRIDRUN_TESTS "/oracle/smoothing.json");
  return nlohmann::json::parse(file).at("weights");
}

/// How far a smoothed value can be off for weights that are off like those compared.
double distance(const std::vector<double>& weights, const nlohmann::json& exact) {
  double sum = 0.0;
  int compared = 0;
  for (std::size_t i = 0; i < exact["distances"].size(); ++i) {
    const std::size_t k = exact["distances"][i], half = weights.size() / 2;
    for (const double weight : {weights[half - k], weights[half + k]}) {
      sum += std::abs(weight - exact["weights"][i].get<double>());
      ++compared;
    }
  }
  return sum / compared * static_cast<double>(weights.size());
}

/// How far a smoothed value can be off with one filter in place of another.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum;
}

TEST(SavitzkyGolay, IsSciPysUpToOrder3) {
  int compared = 0;
  for (const auto& vector : vectors("savitzky_golay")) {
    if (vector["polyorder"] > 3) continue;
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
  EXPECT_GE(compared, 23);
}

TEST(SavitzkyGolay, IsExactBeyondOrder3) {
  int compared = 0;
  for (const auto& vector : vectors("savitzky_golay")) {
    if (vector["polyorder"] <= 3) continue;
    const auto weights = savitzky_golay_weights(vector["window"], vector["polyorder"]);
    const std::string bits = vector["bits_hex"];
    const double end = smoothed_at_end(weights, vector["length"],
                                       [&](std::uint32_t i) { return bit(bits, i) ? 1.0 : 0.0; });
    EXPECT_NEAR(end, vector["exact_end"].get<double>(), 1e-13)
        << "window " << vector["window"] << ", order " << vector["polyorder"];
    ++compared;
  }
  EXPECT_GE(compared, 5);
  for (const auto& exact : exact_weights())
    for (const std::uint32_t odd : {0U, 1U}) {  // an odd order has the weights of the one below
      const std::uint32_t window = exact["window"], polyorder = exact["polyorder"];
      if (polyorder + odd >= window || polyorder + odd > 20) continue;
      EXPECT_LT(distance(savitzky_golay_weights(window, polyorder + odd), exact), 1e-14)
          << "window " << window << ", order " << polyorder + odd;
      ++compared;
    }
  EXPECT_GE(compared, 180);
}

TEST(SavitzkyGolay, SciPysRoundingUpToOrder3IsSmall) {
  EXPECT_LT(distance(scipy_weights(1001, 2), gram_weights(1001, 2)), 2e-11) << "the study's";
  for (std::uint32_t polyorder = 0; polyorder <= 3; ++polyorder) {
    double largest = 0.0;
    for (std::uint32_t window = polyorder + 1 + polyorder % 2; window <= 9999;
         window += window < 1000 ? 2 : 250) {
      const auto scipys = scipy_weights(window, polyorder);
      EXPECT_EQ(savitzky_golay_weights(window, polyorder), scipys);
      largest = std::max(largest, distance(scipys, gram_weights(window, polyorder)));
    }
    EXPECT_LT(largest, polyorder < 2 ? 1e-15 : 1e-8) << "order " << polyorder;
  }
}

TEST(SavitzkyGolay, IsExactWhereAWindowIsTooWideForSciPysSolver) {
  for (const std::uint32_t polyorder : {2U, 3U})
    for (const std::uint32_t window : {10'001U, 999'999U}) {
      const auto weights = savitzky_golay_weights(window, polyorder);
      const long double h = window / 2;
      double sum = 0.0;  // of differences to the closed form
      for (std::uint32_t i = 0; i < window; ++i) {
        const long double k = i - h, exact = 3 * (3 * h * h + 3 * h - 1 - 5 * k * k) /
                                             ((2 * h - 1) * (2 * h + 1) * (2 * h + 3));
        sum += std::abs(weights[i] - static_cast<double>(exact));
      }
      EXPECT_LT(sum, 1e-14) << "window " << window << ", order " << polyorder;
    }
}

TEST(SavitzkyGolay, OfTheHighestOrderChangesNothing) {
  for (const std::uint32_t window : {5U, 7U, 13U, 21U}) {
    const auto weights = savitzky_golay_weights(window, window - 1);
    for (std::uint32_t i = 0; i < window; ++i)
      EXPECT_NEAR(weights[i], i == window / 2 ? 1.0 : 0.0, 1e-14) << "window " << window;
  }
}

TEST(SavitzkyGolay, KeepsItsDigitsOverTheWidestWindow) {
  const std::uint32_t window = 999'999;
  const auto weights = savitzky_golay_weights(window, 20);
  EXPECT_NEAR(smoothed_at_end(weights, window, [](std::uint32_t) { return 1.0; }), 1.0, 1e-12);
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
