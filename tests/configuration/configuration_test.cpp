#include "configuration/configuration.hpp"

#include "configuration/cells.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/shipped_files.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

const std::string minimal = "[dataset]\nname = \"digits\"\n";

Sweep parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_configuration(text, "c.toml", overrides);
}

std::string refusal(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return message_of<RequestError>([&] { parse(text, overrides); });
}

std::string refused_override(const std::string& text) { return refusal(minimal, {text}); }

TEST(Configuration, DefaultsAreTheStudys) {
  const Sweep sweep = parse(minimal);
  EXPECT_EQ(sweep.dataset.path, "data/digits.csv");
  EXPECT_EQ(sweep.dataset.order, SampleOrder::by_label);
  EXPECT_EQ(sweep.dataset.scale, 16.0);
  EXPECT_TRUE(sweep.network.layers.empty());
  EXPECT_EQ(sweep.network.activation, Activation::relu);
  EXPECT_EQ(sweep.init.mean, 0.0);
  EXPECT_EQ(sweep.init.std, 500.0);
  EXPECT_EQ(sweep.train.iterations, 10000U);
  EXPECT_EQ(sweep.train.seed, 0xdeadbeecU);
  EXPECT_EQ(sweep.train.draw_order, DrawOrder::shuffle_then_weights);
  ASSERT_EQ(sweep.axes.size(), 2U);
  EXPECT_EQ(sweep.axes[0].name, "lr");
  EXPECT_EQ(sweep.axes[0].values.front(), KeyValue(5));
  EXPECT_EQ(sweep.axes[0].values.back(), KeyValue(19));
  EXPECT_EQ(sweep.axes[1].values.size(), 16U);
  EXPECT_EQ(sweep.report.smooth_window, 1001U);
  EXPECT_EQ(sweep.report.polyorder, 2U);
  EXPECT_EQ(sweep.report.tolerance, 0.02);
  EXPECT_FALSE(sweep.report.curves);
}

TEST(Configuration, EveryKeyIsRead) {
  const Sweep sweep = parse(R"(
[dataset]
name  = "csv"
path  = "my.csv"
order = "as_stored"
scale = 4
test  = 0.25
[network]
layers     = [3, 4, 2]
activation = "leaky_relu"
output_activation = "linear"
leak = 3
bias = true
[precision]
bits = 32
round = "nearest_even"
overflow = "saturate"
random_bits = 8
weight = { bits = 8, integer = 2, round = "floor", overflow = "wrap" }
master = { bits = 16, fraction = 12, random_bits = 5, round = "stochastic" }
accumulator = { bits = 40, overflow = "saturate_symmetric" }
[init]
unit = "real"
mean = -1.5
std  = "he"
[train]
iterations = 50
seed       = 7
draw_order = "weights"
batch = 5
rounding_seed = 8
samples = "train"
[grid]
lr       = [-16, 7, 31]
fraction = { from = 20, to = 23 }
[report]
smooth_window = 5
polyorder     = 3
metric        = "test_accuracy"
tolerance     = 0.1
curves        = true
weights       = true
diagnostics   = true
baseline      = true
)");
  EXPECT_EQ(
      to_json(sweep).dump(),
      R"({"dataset":{"name":"csv","path":"my.csv","order":"as_stored","scale":4.0,"normalise":"none",)"
      R"("test":0.25},)"
      R"("network":{"layers":[3,4,2],"activation":"leaky_relu","output_activation":"linear",)"
      R"("leak":3,"bias":true},"precision":{"bits":32,"round":"nearest_even","overflow":"saturate",)"
      R"("random_bits":8,"master":{"bits":16,"fraction":12,"round":"stochastic","random_bits":5},)"
      R"("weight":{"bits":8,"integer":2,"round":"floor","overflow":"wrap"},)"
      R"("accumulator":{"bits":40,"overflow":"saturate_symmetric"}},)"
      R"("init":{"unit":"real","mean":-1.5,"std":"he"},)"
      R"("train":{"iterations":50,"seed":7,"draw_order":"weights","batch":5,"rounding_seed":8,)"
      R"("samples":"train"},"grid":{"lr":[-16,7,31],"fraction":[20,21,22,23]},)"
      R"("report":{"smooth_window":5,"polyorder":3,"metric":"test_accuracy","tolerance":0.1,)"
      R"("curves":true,"weights":true,"diagnostics":true,"baseline":true}})");
}

TEST(Configuration, OverridesReplaceSingleKeys) {
  const Sweep sweep =
      parse(minimal, {"train.iterations=2000", "grid.lr.from=3", "grid.lr.to=4",
                      "grid.fraction=[9, 11]", "network.activation=linear", "dataset.name='csv'",
                      "dataset.path=a b.csv", "train.iterations = 3000"});
  EXPECT_EQ(sweep.train.iterations, 3000U) << "the last one counts";
  EXPECT_EQ(sweep.axes, (std::vector<Axis>{{"lr", {3, 4}}, {"fraction", {9, 11}}}));
  EXPECT_EQ(sweep.network.activation, Activation::linear);
  EXPECT_EQ(sweep.dataset.name, "csv");
  EXPECT_EQ(sweep.dataset.path, "a b.csv");
}

TEST(Configuration, AnOverrideKeepsTheRestOfATable) {
  const auto lr = [](const std::string& grid, const std::string& over) {
    return parse(minimal + grid, {over}).axes.at(0);
  };
  EXPECT_EQ(lr("[grid]\nlr = { from = 2, to = 4 }\n", "grid.lr.to=3"), (Axis{"lr", {2, 3}}));
  EXPECT_EQ(lr("[grid]\nlr = [7, 9]\n", "grid.lr=5"), (Axis{"lr", {5}}));
  EXPECT_EQ(lr("", "grid.lr.from=0").values.size(), 20U) << "the end keeps its default";
}

TEST(Configuration, UnknownKeysAreNamedWithTheNearOne) {
  EXPECT_EQ(refusal(minimal + "ordr = \"by_label\"\n"),
            "c.toml:3: unknown key dataset.ordr; did you mean dataset.order?");
  EXPECT_EQ(refusal(minimal + "[gird]\nlr = [5]\n"),
            "c.toml:3: unknown key gird; did you mean grid?");
  EXPECT_EQ(refusal(minimal + "[train]\nsmooth_window = 5\n"),
            "c.toml:4: unknown key train.smooth_window; did you mean report.smooth_window?");
  EXPECT_EQ(refused_override("grid.lr.form=0"),
            "--set grid.lr.form=0: unknown key grid.lr.form; did you mean grid.lr.from?");
  EXPECT_EQ(refused_override("colour=1"), "--set colour=1: unknown key colour");
  EXPECT_EQ(refused_override("iterations=1"),
            "--set iterations=1: unknown key iterations; did you mean train.iterations?");
}

TEST(Configuration, WrongTypesAreNamedWithWhatWasExpected) {
  EXPECT_EQ(refusal(minimal + "scale = \"16\"\n"),
            "c.toml:3: dataset.scale = \"16\", expected a finite number");
  EXPECT_EQ(refusal(minimal + "[train]\niterations = 1.5\n"),
            "c.toml:4: train.iterations = 1.5, expected an integer from 1 to 2147483647");
  EXPECT_EQ(refusal(minimal + "[train]\niterations = true\n"),
            "c.toml:4: train.iterations = true, expected an integer from 1 to 2147483647");
  EXPECT_EQ(refusal("[dataset]\nname = 3\n"),
            "c.toml:2: dataset.name = 3, expected a text in quotes");
  EXPECT_EQ(refusal("dataset = 3\n"), "c.toml:1: dataset = 3, expected a table [dataset]");
  EXPECT_EQ(refusal(minimal + "[network]\nactivation = \"rleu\"\n"),
            "c.toml:4: network.activation = \"rleu\", expected relu, linear, leaky_relu; did you "
            "mean relu?");
  EXPECT_EQ(refusal(minimal + "[network]\nlayers = [64]\n"),
            "c.toml:4: network.layers = [...], expected [inputs, ..., outputs]");
  EXPECT_EQ(refusal(minimal + "[network]\nlayers = [64, 0]\n"),
            "c.toml:4: network.layers = 0, expected an integer from 1 to 16777216");
  EXPECT_EQ(refusal(minimal + "scale = nan\n"),
            "c.toml:3: dataset.scale = nan, expected a finite number");
  EXPECT_EQ(refusal(minimal + "scale = 0\n"),
            "c.toml:3: dataset.scale = 0, expected a number above 0");
  EXPECT_EQ(refusal(minimal + "[init]\nstd = -1\n"),
            "c.toml:4: init.std = -1, expected a number of at least 0");
}

TEST(Configuration, TheLayoutOfACsvFileMayBeSaid) {
  const std::string csv = "[dataset]\nname = \"csv\"\npath = \"my.csv\"\n";
  const CsvLayout inferred =
      parse(csv, {"dataset.header=infer", "dataset.delimiter=infer", "dataset.label=infer"})
          .dataset.csv;
  EXPECT_FALSE(inferred.header || inferred.delimiter || inferred.label);
  const Sweep said = parse(csv, {"dataset.header=false", "dataset.delimiter=tab", "dataset.label=3",
                                 "dataset.normalise=standard"});
  EXPECT_EQ(said.dataset.csv.header, false);
  EXPECT_EQ(said.dataset.csv.delimiter, '\t');
  EXPECT_EQ(said.dataset.csv.label, KeyValue(std::int64_t{3}));
  EXPECT_EQ(said.dataset.normalise, Normalise::standard);
  EXPECT_EQ(to_json(said)["dataset"].dump(),
            R"({"name":"csv","path":"my.csv","order":"by_label","scale":1.0,"header":false,)"
            R"("delimiter":"tab","label":3,"normalise":"standard"})");
  EXPECT_EQ(to_json(sweep_of_json(to_json(said), "run.json")), to_json(said));
  const Sweep named = parse(csv + "header = true\ndelimiter = \";\"\nlabel = \"my class\"\n");
  EXPECT_EQ(named.dataset.csv.header, true);
  EXPECT_EQ(named.dataset.csv.delimiter, ';');
  EXPECT_EQ(named.dataset.csv.label, KeyValue("my class"));
  EXPECT_EQ(to_json(sweep_of_json(to_json(named), "run.json")), to_json(named));

  EXPECT_EQ(refusal(csv + "header = 1\n"),
            "c.toml:4: dataset.header = 1, expected infer, true or false");
  EXPECT_EQ(refusal(csv + "label = 0\n"),
            "c.toml:4: dataset.label = 0, expected an integer from 1 to 1073741824");
  for (const std::string delimiter : {"ab", "1", ".", "e", "'", "é"})
    EXPECT_EQ(refusal(csv + "delimiter = \"" + delimiter + "\"\n"),
              "c.toml:4: dataset.delimiter = \"" + delimiter +
                  "\", expected infer, tab, space, or a character like , ; or |");
  EXPECT_EQ(
      refused_override("dataset.label=3"),
      "--set dataset.label=3: dataset.label = 3, expected dataset.name = \"csv\" with it, for "
      "only CSV files are read by it");
}

TEST(Configuration, MissingKeysAreNamed) {
  EXPECT_EQ(refusal(""),
            "c.toml: dataset.name is missing, expected digits, mnist, idx, csv or npz");
  EXPECT_EQ(refusal("[dataset]\nname = \"csv\"\n"),
            "c.toml: dataset.path is missing, expected a CSV file");
  EXPECT_EQ(refusal("[dataset]\nname = \"idx\"\n"),
            "c.toml: dataset.path is missing, expected a directory of IDX files");
  EXPECT_EQ(refusal("[dataset]\nname = \"npz\"\n"),
            "c.toml: dataset.path is missing, expected an NPZ file");
}

TEST(Configuration, TomlErrorsNameTheirLine) {
  EXPECT_EQ(refusal("[dataset]\nname = \n").find("c.toml:2: "), 0U);
  EXPECT_EQ(refusal("[dataset\n").find("c.toml:1: "), 0U);
  EXPECT_EQ(refusal(minimal + "name = \"csv\"\n").find("c.toml:3: "), 0U);
}

TEST(Configuration, RangesMustBeLegal) {
  const std::string grid = minimal + "[grid]\n";
  EXPECT_EQ(refusal(grid + "lr = { from = 9, to = 8 }\n"),
            "c.toml:4: grid.lr.to = 8, expected at least grid.lr.from = 9");
  EXPECT_EQ(refusal(grid + "lr = { from = 20 }\n"),
            "c.toml: grid.lr.to is missing, expected at least grid.lr.from = 20");
  EXPECT_EQ(refusal(grid + "lr = { from = 0, to = 63 }\n"),
            "c.toml:4: grid.lr.to = 63, expected an integer from -16 to 62");
  EXPECT_EQ(refusal(grid + "fraction = [8, 53]\n"),
            "c.toml:4: grid.fraction = 53, expected an integer from 0 to 52");
  EXPECT_EQ(refusal(grid + "fraction = { from = -1, to = 4 }\n"),
            "c.toml:4: grid.fraction.from = -1, expected an integer from 0 to 52");
  EXPECT_EQ(
      refusal(grid + "lr = []\n"),
      "c.toml:4: grid.lr = [...], expected { from = A, to = B } or a list (integer, -16 to 62)");
  EXPECT_EQ(refusal(grid + "lr = [5, 5]\n"),
            "c.toml:4: grid.lr = [...], expected a list that rises");
  EXPECT_EQ(refusal(grid + "lr = \"5\"\n"),
            "c.toml:4: grid.lr = \"5\", expected an integer from -16 to 62");
  const Sweep sweep = parse(grid + "lr = [0, 62]\nfraction = [0, 52]\n");
  EXPECT_EQ(networks_of(sweep, {1, 1}).size(), 4U);
}

TEST(Configuration, WindowsMustFitTheRun) {
  EXPECT_EQ(refused_override("train.iterations=0"),
            "--set train.iterations=0: train.iterations = 0, expected an integer from 1 to "
            "2147483647");
  EXPECT_EQ(refused_override("train.iterations=500"),
            "report.smooth_window = 1001, expected at most train.iterations = 500");
  EXPECT_EQ(refusal(minimal + "[report]\nsmooth_window = 1000\n"),
            "c.toml:4: report.smooth_window = 1000, expected an odd number of steps");
  EXPECT_EQ(refusal(minimal + "[report]\nsmooth_window = 20001\n"),
            "c.toml:4: report.smooth_window = 20001, expected at most train.iterations = 10000");
  EXPECT_EQ(parse(minimal, {"report.polyorder=20"}).report.polyorder, 20U);
  EXPECT_EQ(refused_override("report.polyorder=21"),
            "--set report.polyorder=21: report.polyorder = 21, expected an integer from 0 to 20");
  EXPECT_EQ(refusal(minimal + "[report]\nsmooth_window = 3\npolyorder = 3\n"),
            "c.toml:5: report.polyorder = 3, expected less than report.smooth_window = 3");
  EXPECT_EQ(
      refusal(minimal + "[report]\nsmooth_window = 1\n"),
      "c.toml:4: report.smooth_window = 1, expected more than report.polyorder, by default 2");
}

TEST(Configuration, ReportsMustMakeSense) {
  for (const char* tolerance : {"-0.01", "1.5", "nan", "'some'"})
    EXPECT_NE(
        refused_override(std::string("report.tolerance=") + tolerance).find("report.tolerance = "),
        std::string::npos);
  EXPECT_EQ(refused_override("report.tolerance=2"),
            "--set report.tolerance=2: report.tolerance = 2, expected a number from 0 to 1");
  EXPECT_EQ(refused_override("report.curves=1"),
            "--set report.curves=1: report.curves = 1, expected true or false");
}

TEST(Configuration, OverridesMustBeKeyValuePairs) {
  for (const char* text : {"train.iterations", "=3", ""})
    EXPECT_EQ(refused_override(text), std::string("--set ") + text + ": expected KEY=VALUE");
  EXPECT_EQ(refused_override("train.seed=").find("--set train.seed=: "), 0U);
  EXPECT_EQ(refused_override("grid.lr=[1,").find("--set grid.lr=[1,: "), 0U);
  EXPECT_EQ(refused_override("a b=1").find("--set a b=1: "), 0U);
}

TEST(Configuration, KeysTooDeepForTheParserAreRefused) {
  std::string deep = "a";
  for (int i = 0; i < 40000; ++i) deep += ".a";
  EXPECT_EQ(refusal(minimal + deep + " = 1\n"), "c.toml:3: a key of more than 16 parts");
  EXPECT_EQ(refusal(minimal + "[" + deep + "]\n"), "c.toml:3: a key of more than 16 parts");
  EXPECT_EQ(refused_override(deep + "=1").substr(0, 9), "--set a.a");
  EXPECT_EQ(refused_override("x={" + deep + "=1}").substr(0, 11), "--set x={a.");
  EXPECT_NE(refused_override("x=" + std::string(40000, '[')), "");
  std::string tables = "1";
  for (int i = 0; i < 5000; ++i) tables = "{a.a.a.a.a.a.a.a=" + tables + "}";
  EXPECT_EQ(refused_override("x=" + tables).substr(0, 10), "--set x={a");
  const std::string far = "../../../../../../../../../../../../../../../../../../../my.csv";
  EXPECT_EQ(parse(minimal, {"dataset.path=" + far}).dataset.path, far) << "dots of a bare word";
}

TEST(Configuration, MessagesAreOneShortLine) {
  const std::string lines = "\"\"\"\nx\ny" + std::string(100000, 'z') + "\"\"\"";
  for (const std::string& message :
       {refusal(minimal + "scale = " + lines), refused_override("dataset.order=" + lines),
        refused_override(lines), refused_override("\"" + std::string(100000, 'k') + "\"=1"),
        refused_override("'\x1b[31m\x7f\n'=1"), refused_override("grid.lr.\xff=1"),
        refusal(minimal + "\"a\\u001b\\nb\" = 1\n"),
        refusal(minimal + std::string(100000, 'k') + " = 1\n" + std::string(100000, 'k') +
                " = 1\n"),
        message_of<RequestError>([&] { parse_configuration("", "a\nb.toml"); })}) {
    EXPECT_LT(message.size(), 500U);
    for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << message;
  }
  EXPECT_EQ(refusal(minimal + "scale = \"1\\n6\"\n"),
            "c.toml:3: dataset.scale = \"1\\n6\", expected a finite number");
}

TEST(Configuration, RealsGivenForIntegersLookLikeReals) {
  EXPECT_EQ(refusal(minimal + "[train]\niterations = 1.0\n"),
            "c.toml:4: train.iterations = 1.0, expected an integer from 1 to 2147483647");
  EXPECT_EQ(
      refused_override("train.seed=-1e3"),
      "--set train.seed=-1e3: train.seed = -1000.0, expected an integer from 0 to 4294967295");
}

TEST(Configuration, AQuotedKeyIsNotADottedOne) {
  EXPECT_EQ(refusal(minimal + "[grid]\n\"lr.from\" = 7\n"),
            "c.toml:4: unknown key grid.\"lr.from\"; did you mean grid.lr.from?");
}

TEST(Configuration, PathsHaveNoNul) {
  EXPECT_EQ(
      refusal(minimal + "path = \"data/digits.csv\\u0000x\"\n"),
      "c.toml:3: dataset.path = \"data/digits.csv\\x00x\", expected a path, which has no NUL");
}

TEST(Configuration, IsFoundAsAPathFirstAndThenAmongTheShipped) {
  const ScratchDirectory scratch;
  const auto path = scratch.write("digits.toml", minimal);
  EXPECT_EQ(find_configuration(path.string()), path);
  EXPECT_EQ(find_configuration("mnist.toml"), shipped_directory() / "mnist.toml");
  EXPECT_EQ(find_configuration("digits"), shipped_directory() / "digits.toml");
  EXPECT_EQ(message_of<RequestError>([] { find_configuration("nothing.toml"); }),
            "--config nothing.toml: no such file; shipped are bulk.toml, digits.toml, gupta.toml, "
            "mlp.toml, mnist.toml");
}

TEST(Configuration, ShippedOnesAreTheStudys) {
  for (const char* name : {"digits.toml", "mnist.toml"}) {
    const Sweep sweep = read_configuration(find_configuration(name), {});
    EXPECT_EQ(networks_of(sweep, {1, 1}).size(), 240U);
    EXPECT_EQ(sweep.train.iterations, 10000U);
  }
}

TEST(Configuration, TheShippedHiddenLayerIsSweptOverWordLengths) {
  const Sweep sweep = read_configuration(find_configuration("mlp.toml"), {});
  const auto networks = networks_of(sweep, sweep.network.layers);
  ASSERT_EQ(networks.size(), 77U);
  EXPECT_EQ(networks[0].formats.weight, (Format{6, 2, Round::stochastic, Overflow::saturate}));
  EXPECT_EQ(networks[76].formats.error, (Format{16, 12, Round::stochastic, Overflow::saturate}));
}

TEST(Configuration, TheShippedBulkSweepHasFiveAxes) {
  const Sweep sweep = read_configuration(find_configuration("bulk.toml"), {});
  std::vector<std::string> axes;
  for (const Axis& axis : sweep.axes) axes.push_back(axis.name);
  EXPECT_EQ(axes, (std::vector<std::string>{"precision.round", "init.std", "train.seed", "lr",
                                            "fraction"}));
  EXPECT_EQ(Cells(sweep).size(), 72'000U);
  EXPECT_EQ(sweep.train.iterations, 2000U);
}

TEST(Configuration, ASweepWithoutLayersPrintsAndReadsBackTheSame) {
  const auto json = to_json(parse(minimal, {}));
  EXPECT_FALSE(json.contains("network") && json["network"].contains("layers"));
  EXPECT_EQ(to_json(sweep_of_json(json, "run.json")), json);
}

TEST(Configuration, KeysThatMustFitEachOtherAreChecked) {
  EXPECT_EQ(refused_override("train.batch=3"),
            "--set train.batch=3: train.batch = 3, expected a divisor of train.iterations = 10000");
  EXPECT_EQ(parse(minimal, {"train.batch=40"}).train.batch, 40U);
  EXPECT_EQ(refused_override("dataset.test=0.2"),
            "--set dataset.test=0.2: dataset.test = 0.2, expected train.samples = \"train\" with "
            "it, which holds the test split out");
  EXPECT_EQ(refused_override("dataset.test=1"),
            "--set dataset.test=1: dataset.test = 1, expected a number above 0 and below 1");
  EXPECT_EQ(refused_override("init.std=hee"),
            "--set init.std=hee: init.std = \"hee\", expected a number of at least 0, \"he\" or "
            "\"xavier\"");
  EXPECT_EQ(parse(minimal, {"init.std=xavier"}).init.spread, WeightSpread::xavier);
  EXPECT_EQ(parse(minimal, {"init.std=xavier", "init.std=3"}).init.spread, WeightSpread::std);
  EXPECT_EQ(refused_override("precision.weight=3"),
            "--set precision.weight=3: precision.weight = 3, expected a table [precision.weight]");
}

TEST(Configuration, RecordsOfYoungerAndOlderVersionsAreCompared) {
  const auto now = to_json(parse(minimal));
  auto before = now;
  before["train"].erase("batch");  // a key that was not there yet
  before["init"].erase("unit");
  EXPECT_TRUE(is_same_study(before, now));
  EXPECT_FALSE(is_same_study(before, to_json(parse(minimal, {"train.batch=2"}))));
  before.erase("grid");
  EXPECT_FALSE(is_same_study(before, now));
  EXPECT_FALSE(is_same_study(3, now));
  auto odd = now;
  odd["train"] = {1, 2};
  EXPECT_FALSE(is_same_study(odd, now));
}

}  // namespace
}  // namespace gridrun
