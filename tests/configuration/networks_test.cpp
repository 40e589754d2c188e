// How a sweep is resolved into networks.
#include <gtest/gtest.h>

#include "configuration/cells.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "gridrun/study_sweep.hpp"
#include "message_of.hpp"

namespace gridrun {
namespace {

/// The networks of a configuration with these lines below [precision], of one layer of 3 inputs.
std::vector<NetworkSpec> networks(const std::string& precision, const std::string& grid,
                                  const std::string& network = "") {
  const std::string text = "[dataset]\nname = \"digits\"\n[network]\n" + network +
                           "\n[precision]\n" + precision + "\n[grid]\n" + grid + "\n";
  return networks_of(parse_configuration(text, "c.toml"), {3, 2});
}

NetworkSpec network(const std::string& precision, const std::string& more = "") {
  return networks(precision, "lr = 5", more).at(0);
}

std::string refusal(const std::string& precision, const std::string& grid = "lr = 5",
                    const std::string& network = "") {
  return message_of<RequestError>([&] { networks(precision, grid, network); });
}

Format format(int bits, int fraction, Round round = Round::floor,
              Overflow overflow = Overflow::wrap, int random_bits = 32) {
  return {bits, fraction, round, overflow, random_bits};
}

TEST(Networks, OfTheStudyHaveItsArithmetic) {
  const auto all = networks("", "");
  ASSERT_EQ(all.size(), 240U);
  for (const NetworkSpec& one : all) EXPECT_TRUE(has_study_arithmetic(one));
  EXPECT_EQ(all[17].lr, 6);
  EXPECT_EQ(all[17].formats.gradient, format(64, 9));
  EXPECT_EQ(all[17].formats.input, format(64, 9, Round::nearest_even));
  EXPECT_EQ(all[17].rounding_seed, 0xdeadbeecU);
}

TEST(Networks, HaveWhatPrecisionSaysOfAllTensors) {
  const TensorFormats formats =
      network(
          "bits = 16\ninteger = 4\nround = \"stochastic\"\noverflow = \"saturate\"\n"
          "random_bits = 9")
          .formats;
  const Format all = format(16, 12, Round::stochastic, Overflow::saturate, 9);
  EXPECT_EQ(formats.master, all);
  EXPECT_EQ(formats.weight, all);
  EXPECT_EQ(formats.activation, all);
  EXPECT_EQ(formats.error, all);
  EXPECT_EQ(formats.gradient, all);
  EXPECT_EQ(formats.input, format(16, 12, Round::nearest_even, Overflow::saturate, 9));
  EXPECT_EQ(formats.accumulator, Format{}) << "64 bits that wrap unless it is said of the sums";
}

TEST(Networks, OverrideItTensorByTensor) {
  const TensorFormats formats =
      network(
          "bits = 16\nfraction = 10\n"
          "error = { fraction = 14 }\n"
          "gradient = { integer = 1, round = \"nearest_away\" }\n"
          "activation = { bits = 8, fraction = 6, overflow = \"saturate_symmetric\" }\n"
          "input = { bits = 9, integer = 1 }\n"
          "accumulator = { bits = 32, overflow = \"saturate\" }")
          .formats;
  EXPECT_EQ(formats.error, format(16, 14));
  EXPECT_EQ(formats.gradient, format(16, 15, Round::nearest_away));
  EXPECT_EQ(formats.activation, format(8, 6, Round::floor, Overflow::saturate_symmetric));
  EXPECT_EQ(formats.input, format(9, 8, Round::nearest_even));
  EXPECT_EQ(formats.accumulator, format(32, 0, Round::floor, Overflow::saturate));
}

TEST(Networks, ShareOneFormatOfWeightAndMasterWhereOneIsSaid) {
  const std::string all = "bits = 16\nfraction = 10\n";
  const auto weight = network(all + "weight = { bits = 8, integer = 2 }").formats;
  EXPECT_EQ(weight.weight, format(8, 6));
  EXPECT_EQ(weight.master, format(8, 6));
  const auto master = network(all + "master = { round = \"stochastic\" }").formats;
  EXPECT_EQ(master.master, format(16, 10, Round::stochastic));
  EXPECT_EQ(master.weight, master.master);
  const auto both =
      network(all + "weight = { bits = 8, integer = 2 }\nmaster = { bits = 32, integer = 2 }")
          .formats;
  EXPECT_EQ(both.weight, format(8, 6));
  EXPECT_EQ(both.master, format(32, 30));
}

TEST(Networks, AreTheProductOfLrFractionAndBits) {
  const auto all = networks("error = { bits = 40, fraction = 20 }",
                            "lr = [-16, 3]\nfraction = [4, 6]\nbits = [8, 12, 16]");
  ASSERT_EQ(all.size(), 12U);
  EXPECT_EQ(all[0].lr, -16);
  EXPECT_EQ(all[1].formats.master, format(12, 4));
  EXPECT_EQ(all[3].formats.master, format(8, 6));
  EXPECT_EQ(all[6].lr, 3);
  for (const auto& one : all) EXPECT_EQ(one.formats.error, format(40, 20)) << "its own";
  const Sweep sweep = parse_configuration(
      "[dataset]\nname = \"digits\"\n[precision]\ninteger = 2\n[grid]\nlr = 5\nbits = [4, 8]\n",
      "c");
  EXPECT_EQ(sweep.axes, (std::vector<Axis>{{"lr", {5}}, {"bits", {4, 8}}}));
  EXPECT_EQ(networks_of(sweep, {3, 2})[1].formats.master, format(8, 6));
}

TEST(Networks, HaveNoAxisOfFractionsWhereAFractionIsNamed) {
  EXPECT_EQ(networks("fraction = 7", "").size(), 15U);
  EXPECT_EQ(networks("bits = 8\ninteger = 3", "").size(), 15U);
  EXPECT_EQ(refusal("weight = { fraction = 7 }"),
            "precision.input.fraction is missing, expected it, precision.fraction, "
            "precision.integer or grid.fraction");
  EXPECT_EQ(networks("weight = { fraction = 7 }", "fraction = [8, 9]").size(), 30U);
}

TEST(Networks, RefuseFormatsThatCannotBe) {
  EXPECT_EQ(refusal("bits = 8\ninteger = 9"),
            "precision.integer = 9: words of 8 bits are left a fraction of -1, expected 0 to 52");
  EXPECT_EQ(
      refusal("fraction = 4\nerror = { bits = 64, integer = 2 }"),
      "precision.error.integer = 2: words of 64 bits are left a fraction of 62, expected 0 to "
      "52");
  EXPECT_EQ(refusal("bits = 1"), "c.toml:6: precision.bits = 1, expected an integer from 2 to 64");
  EXPECT_EQ(refusal("fraction = 4\ninteger = 4"),
            "c.toml:7: precision.integer and precision.fraction, expected one of them");
  EXPECT_EQ(refusal("fraction = 4\nweight = { integer = 2, fraction = 1 }"),
            "c.toml:7: precision.weight.integer and precision.weight.fraction, expected one of "
            "them");
  EXPECT_EQ(refusal("fraction = 4", "fraction = 5"),
            "c.toml:6: precision.fraction and grid.fraction, expected one of them");
  EXPECT_EQ(refusal("bits = 4", "bits = 5"),
            "c.toml:6: precision.bits and grid.bits, expected one of them");
  EXPECT_EQ(refusal("integer = 4", "fraction = 5"),
            "c.toml:6: precision.integer and grid.fraction, expected one of them");
  EXPECT_EQ(refusal("fraction = 4\ninput = { round = \"floor\" }"),
            "c.toml:7: precision.input.round = \"floor\", expected nearest_even");
  EXPECT_EQ(refusal("fraction = 4\naccumulator = { fraction = 4 }"),
            "c.toml:7: unknown key precision.accumulator.fraction; did you mean "
            "precision.fraction?");
  EXPECT_EQ(
      refusal("fraction = 4\nround = \"stochastic\"\nweight = { bits = 8 }\n"
              "master = { bits = 16 }"),
      "precision.round = \"stochastic\": weights that products use are copied from the master's, "
      "expected precision.weight.round = \"nearest_even\" or another that is not stochastic");
}

TEST(Networks, RefuseRightShiftsOver63) {
  // A sum of products is at scale 2^-104 and goes to 2^-40: 64.
  EXPECT_EQ(refusal("fraction = 52\nactivation = { fraction = 40 }"),
            "precision.activation: a sum of products is at scale 2^-104 and would be shifted right "
            "by 64 to a fraction of 40, expected at most 63");
  EXPECT_EQ(networks("fraction = 52\nactivation = { fraction = 41 }", "lr = 5").size(), 1U);
  EXPECT_EQ(refusal("fraction = 40\nactivation = { fraction = 20 }", "lr = 5",
                    "activation = \"leaky_relu\"\nleak = 4"),
            "precision.activation: a sum of products is at scale 2^-84 and would be shifted right "
            "by 64 to a fraction of 20, expected at most 63");
  EXPECT_EQ(refusal("fraction = 40\nerror = { fraction = 20 }\nactivation = { fraction = 52 }",
                    "lr = 5", "activation = \"leaky_relu\"\nleak = 32"),
            "precision.error: an error is at scale 2^-84 and would be shifted right by 64 to a "
            "fraction of 20, expected at most 63");
  EXPECT_EQ(refusal("fraction = 52\ngradient = { fraction = 40 }"),
            "precision.gradient: a gradient is at scale 2^-104 and would be shifted right by 64 to "
            "a fraction of 40, expected at most 63");
  EXPECT_EQ(refusal("fraction = 4\ngradient = { fraction = 10 }", "lr = 58"),
            "grid.lr = 58: a step is at scale 2^-68 and would be shifted right by 64 to a fraction "
            "of 4, expected at most 63");
}

TEST(Networks, OfOtherArithmeticAreNotTheStudys) {
  for (const char* precision :
       {"fraction = 8\nbits = 63", "fraction = 8\nround = \"nearest_up\"",
        "fraction = 8\noverflow = \"saturate\"", "fraction = 8\nerror = { fraction = 9 }",
        "fraction = 8\naccumulator = { bits = 63 }",
        "fraction = 8\naccumulator = { overflow = \"saturate\" }"})
    EXPECT_FALSE(has_study_arithmetic(network(precision))) << precision;
  for (const char* more : {"bias = true", "activation = \"leaky_relu\""})
    EXPECT_FALSE(has_study_arithmetic(network("fraction = 8", more))) << more;
  EXPECT_TRUE(has_study_arithmetic(network("fraction = 8", "activation = \"linear\"")));
  EXPECT_FALSE(has_study_arithmetic(networks("fraction = 8", "lr = -1").at(0)));
  NetworkSpec spec = network("fraction = 8");
  spec.batch = 2;
  EXPECT_FALSE(has_study_arithmetic(spec));
  spec.batch = 1;
  spec.units = {3, 2, 2};
  EXPECT_FALSE(has_study_arithmetic(spec));
  spec.units = {3, 2};
  spec.init.unit = WeightUnit::real;
  EXPECT_FALSE(has_study_arithmetic(spec));
}

TEST(Networks, TakeLayersActivationsAndSeeds) {
  const Sweep sweep = parse_configuration(R"(
[dataset]
name = "digits"
[network]
layers = [64, 30, 20, 10]
activation = "leaky_relu"
output_activation = "linear"
leak = 3
bias = true
[precision]
fraction = 8
[train]
batch = 50
rounding_seed = 5
)",
                                          "c.toml");
  const NetworkSpec spec = networks_of(sweep, sweep.network.layers).at(0);
  EXPECT_EQ(spec.layers(), 3U);
  EXPECT_EQ(spec.activation_of(1), Activation::leaky_relu);
  EXPECT_EQ(spec.activation_of(2), Activation::linear);
  EXPECT_EQ(spec.leak, 3);
  EXPECT_TRUE(spec.bias);
  EXPECT_EQ(spec.batch, 50U);
  EXPECT_EQ(spec.rounding_seed, 5U);
}

}  // namespace
}  // namespace gridrun
