#include "staging/legacy_random.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "vectors.hpp"

namespace gridrun {
namespace {

using nlohmann::json;

/// sum of (i + 1) * values[i]
std::int64_t weighted_sum(const std::vector<std::uint32_t>& values) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    sum += static_cast<std::int64_t>(i + 1) * values[i];
  return sum;
}

TEST(LegacyRandom, WordsAreNumPys) {
  for (const json& vector : vectors("random_state")) {
    LegacyRandom random(vector["seed"]);
    std::size_t drawn = 0;
    for (const json& output : vector["outputs"]) {
      for (; drawn < output["index"]; ++drawn) random.word();
      EXPECT_EQ(random.word(), output["value"])
          << "output " << drawn << " of seed " << vector["seed"];
      ++drawn;
    }
  }
}

TEST(LegacyRandom, UniformsAndNormalsAreNumPys) {
  for (const json& vector : vectors("random_state")) {
    LegacyRandom uniforms(vector["seed"]), normals(vector["seed"]);
    for (const double expected : vector["doubles"]) EXPECT_EQ(uniforms.uniform(), expected);
    std::size_t drawn = 0;
    for (const double expected : vector["normals"]) {
      EXPECT_DOUBLE_EQ(normals.normal(), expected);
      ++drawn;
    }
    for (; drawn < 9999; ++drawn) normals.normal();
    EXPECT_DOUBLE_EQ(normals.normal(), vector["normal_number_10000"].get<double>());
  }
}

TEST(LegacyRandom, PermutationsAreNumPys) {
  for (const json& vector : vectors("random_state"))
    for (const json& expected : vector["permutations"]) {
      const auto got = LegacyRandom(vector["seed"]).permutation(expected["n"]);
      ASSERT_EQ(got.size(), expected["n"]);
      EXPECT_EQ(weighted_sum(got), integer(expected["weighted_sum"])) << "n = " << expected["n"];
      if (expected.contains("values")) {
        EXPECT_EQ(json(got), expected["values"]);
      }
    }
}

TEST(LegacyRandom, ANormalIsKeptWhileOtherThingsAreDrawn) {
  for (const json& vector : vectors("random_state")) {
    LegacyRandom random(vector["seed"]);
    const json& mixed = vector["normals_then_permutation_then_normals"];
    for (const double expected : mixed["normals"]) EXPECT_DOUBLE_EQ(random.normal(), expected);
    EXPECT_EQ(json(random.permutation(10)), mixed["permutation"]);
    for (const double expected : mixed["normals_after"])
      EXPECT_DOUBLE_EQ(random.normal(), expected);
    for (const double expected : mixed["doubles_after"]) EXPECT_EQ(random.uniform(), expected);

    LegacyRandom other(vector["seed"]);
    const json& reversed = vector["permutation_then_normals"];
    EXPECT_EQ(json(other.permutation(10)), reversed["permutation"]);
    for (const double expected : reversed["normals"]) EXPECT_DOUBLE_EQ(other.normal(), expected);
  }
}

TEST(LegacyRandom, BoundedIsWithinItsBounds) {
  LegacyRandom random(1);
  for (const std::uint32_t max : {0U, 1U, 2U, 1000U, 0xffffffffU})
    for (int i = 0; i < 100; ++i) EXPECT_LE(random.bounded(max), max);
}

}  // namespace
}  // namespace gridrun
