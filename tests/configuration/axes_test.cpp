// The axes of [grid]: of every kind of key, and what cannot be one.
#include "configuration/axes.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "configuration/cells.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"

namespace gridrun {
namespace {

using Values = std::vector<KeyValue>;
using Integers = std::vector<std::int64_t>;

/// A configuration with these lines in [grid], which begin in line 4.
std::string with_grid(const std::string& grid) {
  return "[dataset]\nname = \"digits\"\n[grid]\n" + grid + "\n";
}

Sweep parse(const std::string& grid, const std::vector<std::string>& overrides = {}) {
  return parse_configuration(with_grid(grid), "c.toml", overrides);
}

std::string refusal(const std::string& grid, const std::vector<std::string>& overrides = {}) {
  return message_of<RequestError>([&] { parse(grid, overrides); });
}

/// The values of an axis of that name, or none.
Values values(const Sweep& sweep, const std::string& axis) {
  for (const Axis& of : sweep.axes)
    if (of.name == axis) return of.values;
  return {};
}

std::vector<std::string> names(const Sweep& sweep) {
  std::vector<std::string> names;
  for (const Axis& axis : sweep.axes) names.push_back(axis.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(Axes, AreOfEveryKindOfKey) {
  const std::map<std::string, Values> cases = {
      {"\"train.seed\" = [3, 1, 2]", {3, 1, 2}},
      {"\"train.seed\" = { from = 1, to = 4 }", {1, 2, 3, 4}},
      {"\"train.seed\" = { from = 1, to = 8, step = 3 }", {1, 4, 7}},
      {"\"train.seed\" = 7", {7}},
      {"\"train.seed\" = { from = 4294967294, to = 4294967295 }", {4294967294, 4294967295}},
      {"\"train.rounding_seed\" = [0, 4294967295]", {0, 4294967295}},
      {"\"train.iterations\" = [2000, 1001]", {2000, 1001}},
      {"\"train.batch\" = [1, 10, 100]", {1, 10, 100}},
      {"\"train.draw_order\" = [\"weights\", \"shuffle_then_weights\"]",
       {"weights", "shuffle_then_weights"}},
      {"\"train.samples\" = \"all\"", {"all"}},
      {"\"dataset.order\" = [\"as_stored\", \"by_label\"]", {"as_stored", "by_label"}},
      {"\"network.bias\" = [true, false]", {true, false}},
      {"\"network.bias\" = true", {true}},
      {"\"network.leak\" = { from = 0, to = 62, step = 31 }", {0, 31, 62}},
      {"\"network.activation\" = [\"relu\", \"linear\"]", {"relu", "linear"}},
      {"\"network.output_activation\" = [\"leaky_relu\"]", {"leaky_relu"}},
      {"\"network.layers\" = [[64, 10], [64, 30, 10]]", {Integers{64, 10}, Integers{64, 30, 10}}},
      {"\"init.unit\" = [\"real\", \"lsb\"]", {"real", "lsb"}},
      {"\"init.mean\" = [-1, 0.5]", {-1.0, 0.5}},
      {"\"init.mean\" = { from = -1, to = 1, step = 0.5 }", {-1.0, -0.5, 0.0, 0.5, 1.0}},
      {"\"init.mean\" = { from = 0, to = 1, step = 0.4 }", {0.0, 0.4, 0.8}},
      {"\"init.mean\" = { from = 2, to = 2, step = 1e-300 }", {2.0}},
      {"\"init.std\" = [50, 500.0]", {50.0, 500.0}},
      {"\"init.std\" = [\"he\", 2, \"xavier\"]", {"he", 2.0, "xavier"}},
      {"\"init.std\" = { from = 0, to = 1, step = 0.25 }", {0.0, 0.25, 0.5, 0.75, 1.0}},
      {"\"precision.round\" = [\"floor\", \"stochastic\"]", {"floor", "stochastic"}},
      {"\"precision.overflow\" = [\"wrap\"]", {"wrap"}},
      {"\"precision.bits\" = [8, 4]", {8, 4}},
      {"\"precision.fraction\" = [8, 4]", {8, 4}},
      {"\"precision.integer\" = { from = 12, to = 64, step = 52 }", {12, 64}},
      {"\"precision.weight.bits\" = [4, 6, 8]", {4, 6, 8}},
      {"\"precision.accumulator.overflow\" = [\"saturate\", \"wrap\"]", {"saturate", "wrap"}},
      {"\"precision.gradient.random_bits\" = [1, 32]", {1, 32}},
      {"\"precision.input.round\" = \"nearest_even\"", {"nearest_even"}},
      {"lr = [-16, 7]", {-16, 7}},
      {"lr = { from = 0, to = 9, step = 4 }", {0, 4, 8}},
      {"fraction = { to = 10 }", {8, 9, 10}},
      {"bits = { from = 14 }", {14, 15, 16}},
  };
  for (const auto& [grid, expected] : cases) {
    std::string name = grid.substr(0, grid.find(" ="));
    std::erase(name, '"');
    EXPECT_EQ(values(parse(grid), name), expected) << grid;
  }
}

TEST(Axes, OfTheTestSplitGoWithTheTrainSplit) {
  const Sweep sweep =
      parse("\"dataset.test\" = { from = 0.1, to = 0.3, step = 0.1 }", {"train.samples=train"});
  const Values test = values(sweep, "dataset.test");
  ASSERT_EQ(test.size(), 3U);
  EXPECT_EQ(test.front(), KeyValue(0.1));
  EXPECT_EQ(test.back(), KeyValue(0.3)) << "the end itself, not 0.1 + 2 * 0.1";
}

TEST(Axes, RangesOfRealsEndWhereTheySay) {
  const Values tenths =
      values(parse("\"init.mean\" = { from = 0.1, to = 1, step = 0.1 }"), "init.mean");
  ASSERT_EQ(tenths.size(), 10U);
  EXPECT_EQ(tenths.back(), KeyValue(1.0));
  const Values many =
      values(parse("lr = 5\nfraction = 8\n\"init.mean\" = { from = 0, to = 1e6, step = 1.00001 }"),
             "init.mean");
  EXPECT_EQ(many.size(), 999991U);
  EXPECT_EQ(many.back(), KeyValue(999990 * 1.00001));
}

TEST(Axes, TakeThePlaceOfTheirKey) {
  const Sweep sweep = parse_configuration(
      with_grid("\"train.seed\" = [1, 2]\n\"network.activation\" = \"linear\"") +
          "[train]\nseed = 9\n[network]\nactivation = \"relu\"\n",
      "c.toml");
  EXPECT_EQ(sweep.train.seed, 1U);
  EXPECT_EQ(sweep.network.activation, Activation::linear);
  EXPECT_EQ(values(sweep, "train.seed"), (Values{1, 2}));
  const Sweep overridden = parse("\"train.seed\" = [1, 2]", {"train.seed=9"});
  EXPECT_EQ(overridden.train.seed, 1U) << "as if the key were in the file";
}

TEST(Axes, AreReachedByOverrides) {
  EXPECT_EQ(values(parse("", {"grid.\"train.seed\"={from=1,to=3}"}), "train.seed"),
            (Values{1, 2, 3}));
  EXPECT_EQ(values(parse("", {"grid.'train.seed'=[5, 4]"}), "train.seed"), (Values{5, 4}));
  EXPECT_EQ(values(parse("", {"grid.\"precision.round\"=stochastic"}), "precision.round"),
            (Values{"stochastic"}))
      << "a bare word";
  EXPECT_EQ(values(parse("\"train.seed\" = { from = 1, to = 9 }", {"grid.\"train.seed\".to=2"}),
                   "train.seed"),
            (Values{1, 2}));
  EXPECT_EQ(values(parse("\"train.seed\" = { from = 1, to = 9 }", {"grid.\"train.seed\"=4"}),
                   "train.seed"),
            (Values{4}));
  EXPECT_EQ(values(parse("", {"grid.\"train.seed\".from=1", "grid.\"train.seed\".to=5",
                              "grid.\"train.seed\".step=4"}),
                   "train.seed"),
            (Values{1, 5}));
}

TEST(Axes, AreInTheOrderOfTheText) {
  EXPECT_EQ(names(parse("")), (Names{"lr", "fraction"})) << "the study's";
  EXPECT_EQ(names(parse("\"train.seed\" = 1")), (Names{"lr", "fraction", "train.seed"}))
      << "those that are not written come first";
  EXPECT_EQ(names(parse("\"train.seed\" = 1\nlr = 5\n\"init.std\" = 2.0\nfraction = 8")),
            (Names{"train.seed", "lr", "init.std", "fraction"}));
  EXPECT_EQ(names(parse("\"train.seed\" = 1\nfraction = 8")),
            (Names{"lr", "train.seed", "fraction"}));
  EXPECT_EQ(names(parse("bits = 8\n\"train.seed\" = 1\nfraction = 6\n\"init.std\" = 2.0\nlr = 5")),
            (Names{"lr", "train.seed", "fraction", "init.std", "bits"}))
      << "lr, fraction and bits in this order, in the places that they have together";
  EXPECT_EQ(
      names(parse("\"init.std\" = 2.0\n\"dataset.order\" = \"by_label\"\n\"train.seed\" = 1")),
      (Names{"lr", "fraction", "init.std", "dataset.order", "train.seed"}));
  EXPECT_EQ(names(parse_configuration("grid = { \"train.seed\" = 1, \"init.std\" = 2.0, lr = 5 }\n"
                                      "dataset.name = \"digits\"\nprecision.fraction = 8\n",
                                      "c.toml")),
            (Names{"train.seed", "init.std", "lr"}));
  EXPECT_EQ(names(parse_configuration("[grid.\"train.seed\"]\nfrom = 1\nto = 2\n[dataset]\n"
                                      "name = \"digits\"\n[grid.\"init.std\"]\nfrom = 0\nto = 1\n"
                                      "step = 1\n[grid.lr]\nto = 6\n",
                                      "c.toml")),
            (Names{"lr", "train.seed", "init.std", "fraction"}));
}

TEST(Axes, KeepTheirOrderWhenOverridden) {
  const std::string grid = "\"train.seed\" = 1\n\"init.std\" = 2.0";
  EXPECT_EQ(names(parse(grid, {"grid.\"init.std\"=[3.0, 4.0]", "grid.\"train.seed\"=[8, 9]"})),
            (Names{"lr", "fraction", "train.seed", "init.std"}));
  EXPECT_EQ(names(parse(grid, {"grid.\"network.bias\"=[true, false]", "grid.\"train.seed\"=3"})),
            (Names{"lr", "fraction", "train.seed", "init.std", "network.bias"}))
      << "new ones come last";
  EXPECT_EQ(names(parse(grid, {"grid.lr=7"})), (Names{"lr", "train.seed", "init.std", "fraction"}));
}

TEST(Axes, OfFractionsAreTheStudysOnlyWhereNoneIsGiven) {
  for (const char* grid : {"\"precision.fraction\" = [8, 9]", "\"precision.integer\" = [50, 51]",
                           "\"precision.weight.fraction\" = [8, 9]\n\"precision.fraction\" = 8"})
    EXPECT_EQ(names(parse(grid)).front(), "lr") << grid;
  EXPECT_EQ(values(parse("\"precision.fraction\" = [8, 9]"), "fraction"), Values{});
}

TEST(Axes, RefuseRepeatedValues) {
  EXPECT_EQ(refusal("\"train.seed\" = [1, 2, 1]"),
            "c.toml:4: grid.\"train.seed\" = [...], expected each value once");
  EXPECT_EQ(refusal("\"init.std\" = [\"he\", 1, 1.0]"),
            "c.toml:4: grid.\"init.std\" = [...], expected each value once");
  EXPECT_EQ(refusal("\"init.mean\" = [0.0, -0.0]"),
            "c.toml:4: grid.\"init.mean\" = [...], expected each value once");
  EXPECT_EQ(refusal("\"network.layers\" = [[64, 10], [64, 9, 10], [64, 10]]"),
            "c.toml:4: grid.\"network.layers\" = [...], expected each value once");
  EXPECT_EQ(refusal("\"network.bias\" = [true, true]"),
            "c.toml:4: grid.\"network.bias\" = [...], expected each value once");
  EXPECT_EQ(refusal("\"init.mean\" = { from = 1e16, to = 1.0000000000000004e16, step = 0.5 }"),
            "c.toml:4: grid.\"init.mean\" = {...}, expected each value once");
  EXPECT_EQ(refusal("bits = [8, 6]"), "c.toml:4: grid.bits = [...], expected a list that rises");
}

TEST(Axes, RefuseNamesThatAreNoAxis) {
  EXPECT_EQ(refusal("\"train.sede\" = [1, 2]"),
            "c.toml:4: unknown key grid.\"train.sede\"; did you mean grid.\"train.seed\"?");
  EXPECT_EQ(refusal("lrr = 5"), "c.toml:4: unknown key grid.lrr; did you mean grid.lr?");
  EXPECT_EQ(refusal("\"train.seed\" = { form = 1, to = 2 }"),
            "c.toml:4: unknown key grid.\"train.seed\".form; did you mean "
            "grid.\"train.seed\".from?");
  for (const char* key :
       {"dataset.name", "dataset.path", "dataset.scale", "dataset.header", "dataset.delimiter",
        "dataset.label", "dataset.normalise", "report.smooth_window", "report.polyorder",
        "report.metric", "report.tolerance", "report.curves", "report.weights",
        "report.diagnostics", "report.baseline"})
    EXPECT_EQ(refusal(fmt::format("\"{}\" = [1]", key))
                  .find(fmt::format("c.toml:4: unknown key grid.\"{}\"", key)),
              0U)
        << key;
  EXPECT_EQ(refusal("", {"grid.\"train.sede\"=1"}),
            "--set grid.\"train.sede\"=1: unknown key grid.\"train.sede\"; did you mean "
            "grid.\"train.seed\"?");
}

TEST(Axes, WithoutTheirQuotesAreToldToHaveThem) {
  EXPECT_EQ(refusal("train.seed = [1, 2]"),
            "c.toml:4: unknown key grid.train.seed, expected grid.\"train.seed\"");
  EXPECT_EQ(refusal("precision.weight.bits = { from = 1, to = 2 }"),
            "c.toml:4: unknown key grid.precision.weight.bits, expected "
            "grid.\"precision.weight.bits\"");
  EXPECT_EQ(refusal("", {"grid.train.seed={from=1,to=3}"}),
            "--set grid.train.seed={from=1,to=3}: unknown key grid.train.seed, expected "
            "grid.\"train.seed\"");
  EXPECT_EQ(refusal("", {"grid.train.seed.from=1"}),
            "--set grid.train.seed.from=1: unknown key grid.train.seed, expected "
            "grid.\"train.seed\"");
  EXPECT_EQ(refusal("train.sede = [1, 2]").find("c.toml:4: unknown key grid.train"), 0U);
}

TEST(Axes, RefuseRangesThatAreNone) {
  EXPECT_EQ(refusal("\"train.seed\" = { from = 1, to = 2, step = 0 }"),
            "c.toml:4: grid.\"train.seed\".step = 0, expected an integer of at least 1");
  EXPECT_EQ(refusal("\"train.seed\" = { from = 1, to = 2, step = 0.5 }"),
            "c.toml:4: grid.\"train.seed\".step = 0.5, expected an integer of at least 1");
  EXPECT_EQ(refusal("lr = { step = -1 }"),
            "c.toml:4: grid.lr.step = -1, expected an integer of at least 1");
  for (const char* step : {"0", "-0.5", "inf", "nan", "true", "\"1\""})
    EXPECT_EQ(refusal(fmt::format("\"init.mean\" = {{ from = 0, to = 1, step = {} }}", step))
                  .find(fmt::format(
                      "c.toml:4: grid.\"init.mean\".step = {}, expected a number above 0", step)),
              0U)
        << step;
  EXPECT_EQ(refusal("\"train.seed\" = { from = 1 }"),
            "c.toml: grid.\"train.seed\".to is missing, expected both ends of the range, { from = "
            "A, to = B }");
  EXPECT_EQ(refusal("\"train.seed\" = { to = 1 }"),
            "c.toml: grid.\"train.seed\".from is missing, expected both ends of the range, { from "
            "= A, to = B }");
  EXPECT_EQ(refusal("\"train.seed\" = { }"),
            "c.toml: grid.\"train.seed\".from is missing, expected both ends of the range, { from "
            "= A, to = B }");
  EXPECT_EQ(refusal("\"train.seed\" = { from = 3, to = 2 }"),
            "c.toml:4: grid.\"train.seed\".to = 2, expected at least grid.\"train.seed\".from = 3");
  EXPECT_EQ(refusal("\"init.std\" = { from = 0, to = 1 }"),
            "c.toml: grid.\"init.std\".step is missing, expected a number above 0");
  EXPECT_EQ(refusal("\"init.std\" = { to = 1, step = 1 }"),
            "c.toml: grid.\"init.std\".from is missing, expected a number: { from = A, to = B, "
            "step = C }");
  EXPECT_EQ(refusal("\"init.std\" = { from = 2.5, to = 1, step = 1 }"),
            "c.toml:4: grid.\"init.std\".to = 1, expected at least grid.\"init.std\".from = 2.5");
  EXPECT_EQ(refusal("\"init.std\" = { from = \"he\", to = 1, step = 1 }"),
            "c.toml:4: grid.\"init.std\".from = \"he\", expected a number");
  EXPECT_EQ(refusal("\"init.std\" = { from = -1, to = 1, step = 1 }"),
            "c.toml:4: grid.\"init.std\".from = -1, expected a number of at least 0");
}

TEST(Axes, RefuseMoreThanCanBe) {
  EXPECT_EQ(refusal("\"train.seed\" = { from = 0, to = 1000000 }"),
            "c.toml:4: grid.\"train.seed\" = {...}, expected at most 1000000 values");
  EXPECT_EQ(refusal("\"init.mean\" = { from = -1e308, to = 1e308, step = 1e-308 }"),
            "c.toml:4: grid.\"init.mean\" = {...}, expected at most 1000000 values");
  const std::string million = "\"train.seed\" = { from = 1, to = 1000000 }\n";
  EXPECT_EQ(refusal(million + "lr = { from = 0, to = 20 }\nfraction = 8"),
            "the grid has at least 21000000 networks, expected at most 20000000");
  EXPECT_EQ(refusal(million),
            "the grid has at least 240000000 networks, expected at most 20000000");
  EXPECT_EQ(count_cells(parse(million + "lr = 5\nfraction = [8, 9]").axes), 2'000'000U);
}

TEST(Axes, RefuseValuesThatTheirKeyWouldRefuse) {
  const std::map<std::string, std::string> cases = {
      {"\"train.seed\" = [1, -1]",
       "grid.\"train.seed\" = -1, expected an integer from 0 to 4294967295"},
      {"\"train.seed\" = \"many\"",
       "grid.\"train.seed\" = \"many\", expected an integer from 0 to 4294967295"},
      {"\"train.seed\" = [1.5]",
       "grid.\"train.seed\" = 1.5, expected an integer from 0 to 4294967295"},
      {"\"train.seed\" = { from = 0, to = 4294967296 }",
       "grid.\"train.seed\".to = 4294967296, expected an integer from 0 to 4294967295"},
      {"\"train.seed\" = []",
       "grid.\"train.seed\" = [...], expected { from = A, to = B } or a list (integer, 0 to "
       "4294967295)"},
      {"\"precision.round\" = []",
       "grid.\"precision.round\" = [...], expected a list (floor, toward_zero, nearest_up, "
       "nearest_down, nearest_even, nearest_away, stochastic)"},
      {"\"precision.round\" = { from = 1, to = 2 }",
       "grid.\"precision.round\" = {...}, expected a list (floor, toward_zero, nearest_up, "
       "nearest_down, nearest_even, nearest_away, stochastic)"},
      {"\"precision.round\" = [\"flor\"]",
       "grid.\"precision.round\" = \"flor\", expected floor, toward_zero, nearest_up, "
       "nearest_down, nearest_even, nearest_away, stochastic; did you mean floor?"},
      {"\"precision.input.round\" = \"floor\"",
       "grid.\"precision.input.round\" = \"floor\", expected nearest_even"},
      {"\"precision.weight.bits\" = [4, 65]",
       "grid.\"precision.weight.bits\" = 65, expected an integer from 2 to 64"},
      {"\"network.bias\" = [0, 1]", "grid.\"network.bias\" = 0, expected true or false"},
      {"\"network.bias\" = { from = 0, to = 1 }",
       "grid.\"network.bias\" = {...}, expected a list (true, false)"},
      {"\"network.layers\" = [64, 10]",
       "grid.\"network.layers\" = [...], expected a list of lists (list of integers)"},
      {"\"network.layers\" = []",
       "grid.\"network.layers\" = [...], expected a list of lists (list of integers)"},
      {"\"network.layers\" = { from = 1, to = 2 }",
       "grid.\"network.layers\" = {...}, expected a list of lists (list of integers)"},
      {"\"network.layers\" = [[64, 10], [64]]",
       "grid.\"network.layers\" = [...], expected [inputs, ..., outputs]"},
      {"\"network.layers\" = [[64, 10], 64]",
       "grid.\"network.layers\" = 64, expected [inputs, ..., outputs]"},
      {"\"network.layers\" = [[64, 0]]",
       "grid.\"network.layers\" = 0, expected an integer from 1 to 16777216"},
      {"\"init.std\" = [\"he\", \"hee\"]",
       "grid.\"init.std\" = \"hee\", expected a number of at least 0, \"he\" or \"xavier\""},
      {"\"init.std\" = [-1]", "grid.\"init.std\" = -1, expected a number of at least 0"},
      {"\"init.mean\" = [nan]", "grid.\"init.mean\" = nan, expected a finite number"},
      {"\"dataset.test\" = [0.5, 1]",
       "grid.\"dataset.test\" = 1, expected a number above 0 and below 1"},
      {"\"dataset.order\" = [[1]]", "grid.\"dataset.order\" = [...], expected a text in quotes"},
      {"lr = [5, 63]", "grid.lr = 63, expected an integer from -16 to 62"},
      {"lr = { from = \"5\" }", "grid.lr.from = \"5\", expected an integer from -16 to 62"},
  };
  for (const auto& [grid, message] : cases) EXPECT_EQ(refusal(grid), "c.toml:4: " + message);
}

TEST(Axes, RefuseASecondAxisOfOneKey) {
  EXPECT_EQ(refusal("bits = [8, 9]\n\"precision.bits\" = [8, 9]"),
            "c.toml:5: precision.bits and grid.bits, expected one of them");
  EXPECT_EQ(refusal("fraction = [8, 9]\n\"precision.fraction\" = [8, 9]"),
            "c.toml:5: precision.fraction and grid.fraction, expected one of them");
  EXPECT_EQ(refusal("fraction = [8, 9]\n\"precision.integer\" = [8, 9]"),
            "c.toml:5: precision.integer and grid.fraction, expected one of them");
  EXPECT_EQ(refusal("\"precision.error.integer\" = [8, 9]", {"precision.error.fraction=5"}),
            "c.toml:4: precision.error.integer and precision.error.fraction, expected one of them");
}

TEST(Axes, RefuseCellsThatCannotBeAtThePlaceOfTheAxis) {
  EXPECT_EQ(refusal("\"train.batch\" = [1, 5, 7]"),
            "c.toml:4: train.batch = 7, expected a divisor of train.iterations = 10000");
  EXPECT_EQ(refusal("\"train.iterations\" = [2000, 1002]", {"train.batch=5"}),
            "--set train.batch=5: train.batch = 5, expected a divisor of train.iterations = 1002");
  EXPECT_EQ(
      refusal("\"train.seed\" = 1\n\"train.batch\" = [1, 8]\n\"train.iterations\" = [2000, 1004]"),
      "c.toml:5: train.batch = 8, expected a divisor of train.iterations = 1004");
  EXPECT_EQ(refusal("\"train.iterations\" = [2000, 100]"),
            "report.smooth_window = 1001, expected at most train.iterations = 100");
  EXPECT_EQ(refusal("\"train.samples\" = [\"train\", \"all\"]\n\"dataset.test\" = [0.5]"),
            "c.toml:5: dataset.test = 0.5, expected train.samples = \"train\" with it, which holds "
            "the test split out");
  EXPECT_EQ(refusal("\"precision.weight.round\" = [\"floor\", \"stochastic\"]",
                    {"precision.master.bits=9"}),
            "precision.weight.round = \"stochastic\": weights that products use are copied from "
            "the master's, expected precision.weight.round = \"nearest_even\" or another that is "
            "not stochastic");
  EXPECT_EQ(refusal("\"precision.bits\" = [60, 20]", {"precision.integer=22"}),
            "precision.integer = 22: words of 20 bits are left a fraction of -2, expected 0 to 52");
  EXPECT_EQ(refusal("\"precision.error.fraction\" = [8, 52]\nlr = 5",
                    {"precision.fraction=12", "precision.gradient.fraction=0"}),
            "precision.gradient: a gradient is at scale 2^-64 and would be shifted right by 64 to "
            "a fraction of 0, expected at most 63");
  EXPECT_EQ(refusal("lr = { from = 5, to = 62 }\n\"precision.gradient.fraction\" = [8, 23]",
                    {"precision.fraction=8"}),
            "grid.lr = 49: a step is at scale 2^-72 and would be shifted right by 64 to a fraction "
            "of 8, expected at most 63");
}

TEST(Axes, KeepArraysOfOneShapeWhereTheyAreAskedFor) {
  EXPECT_EQ(refusal("\"train.iterations\" = [2000, 3000]", {"report.curves=true"}),
            "--set report.curves=true: report.curves = true: curves.npz has arrays of one shape, "
            "expected no axis grid.\"train.iterations\"");
  EXPECT_EQ(refusal("\"network.layers\" = [[64, 10]]", {"report.weights=true"}),
            "--set report.weights=true: report.weights = true: weights.npz has arrays of one "
            "shape, expected no axis grid.\"network.layers\"");
  EXPECT_EQ(refusal("\"network.bias\" = [true, false]", {"report.weights=true"}),
            "--set report.weights=true: report.weights = true: weights.npz has arrays of one "
            "shape, expected no axis grid.\"network.bias\"");
  EXPECT_NO_THROW(parse("\"train.iterations\" = [2000, 3000]", {"report.weights=true"}));
  EXPECT_NO_THROW(parse("\"network.bias\" = [true, false]", {"report.curves=true"}));
}

}  // namespace
}  // namespace gridrun
