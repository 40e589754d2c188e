// The program as its user meets it: exit statuses, messages, files.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <regex>
#include <utility>

#include "base/file_descriptor.hpp"
#include "base/message_text.hpp"
#include "idx_bytes.hpp"
#include "peak_memory.hpp"
#include "program.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

/// Long enough for some progress to be shown.
const std::vector<std::string> some_progress = {"--device", "reference", "--set",
                                                "train.iterations=3000"};

class Program : public ::testing::Test {
 protected:
  Program() { settings.directory = scratch.path(); }

  /// The DIGITS study, shortened to four cells of 200 steps, with further arguments.
  ProgramResult run_short(std::vector<std::string> arguments = {}) {
    for (const char* set : {"train.iterations=200", "report.smooth_window=101", "grid.lr=[5, 9]",
                            "grid.fraction=[12, 16]"})
      arguments.insert(arguments.begin(), {"--set", set});
    return run_program(arguments, settings);
  }

  /// Expects status 2, one line on standard error, nothing printed, nothing left behind.
  std::string refusal(const std::vector<std::string>& arguments) {
    const auto before = listing();
    const ProgramResult result = run_program(arguments, settings);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.find("gridrun: "), 0U) << result.err;
    EXPECT_EQ(listing(), before);
    return result.err.substr(0, result.err.size() - 1);
  }

  std::vector<std::string> listing() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(scratch.path()))
      names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  ScratchDirectory scratch;
  ProgramSettings settings;
};

TEST_F(Program, WithoutArgumentsRunsTheDigitsStudy) {
  const ProgramResult result = run_program({}, settings);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.find("digits: 240 networks, 64 to 10, 10000 steps each, on "), 0U);
  EXPECT_NE(result.out.find("\n9      10  10  11  30  36  53  61  69  77"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("\nbest cell       77.0 % at lr 9, fraction 16; chance is 11.4 %"),
            std::string::npos);
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << "no colours outside a terminal";
  EXPECT_NE(
      result.out.find(
          "wrote grid.csv, figures.csv, grid.npz, answers.json, run.json in results/digits\n"),
      std::string::npos);
  const fs::path results = scratch.path() / "results" / "digits";
  const std::string csv = contents_of(results / "grid.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 241);
  EXPECT_GT(fs::file_size(results / "grid.npz"), 3 * 240 * 8U);
}

TEST_F(Program, RunJsonTellsWhatWasRun) {
  ASSERT_EQ(run_short({"--device", "reference"}).status, 0);
  const auto run = nlohmann::json::parse(contents_of(scratch.path() / "results/digits/run.json"));
  EXPECT_EQ(run["engine"], "reference");
  EXPECT_EQ(run["configuration"]["train"]["iterations"], 200);
  EXPECT_EQ(run["configuration"]["grid"]["lr"], nlohmann::json({5, 9}));
  EXPECT_EQ(run["dataset"]["samples"], 1797);
  EXPECT_EQ(run["dataset"]["crc32"], "bd4d7ef2");
  for (const char* stage : {"load", "stage", "train", "summarise", "write"})
    EXPECT_GE(run["seconds"][stage], 0.0) << stage;
}

TEST_F(Program, KeepsLearningCurvesWhenAskedFor) {
  ASSERT_EQ(run_short({"--set", "report.curves=true"}).status, 0);
  EXPECT_GT(fs::file_size(scratch.path() / "results/digits/curves.npz"), 4 * 200 * 8U);
}

TEST_F(Program, KeepsWeightsWhenAskedForAndDropsThemWhenNot) {
  const fs::path weights = scratch.path() / "results/digits/weights.npz";
  const ProgramResult kept = run_short({"--set", "report.weights=true"});
  ASSERT_EQ(kept.status, 0) << kept.err;
  EXPECT_NE(kept.out.find("answers.json, weights.npz, run.json in"), std::string::npos);
  EXPECT_GT(fs::file_size(weights), 4 * 640 * 8U);
  ASSERT_EQ(run_short({"--force"}).status, 0);
  EXPECT_FALSE(fs::exists(weights));
}

TEST_F(Program, TellsEachSliceOfThreeAxes) {
  const ProgramResult result =
      run_short({"--device", "reference", "--set", "grid.bits=[20, 40]", "--set",
                 "dataset.test=0.2", "--set", "train.samples='train'"});
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* held : {"words of 20 bits", "words of 40 bits"})
    EXPECT_NE(
        result.out.find(std::string("\n") + held +
                        "\ntest accuracy in percent; down: learning rate 2^-lr, across: fraction "
                        "bits\nlr     12  16\n"),
        std::string::npos)
        << result.out;
  EXPECT_NE(result.out.find("\nwords of 20 bits: fewest "), std::string::npos)
      << "a line a table, to compare";
  const fs::path results = scratch.path() / "results/digits";
  EXPECT_EQ(contents_of(results / "grid.csv")
                .find("lr,fraction,bits,accuracy,mean_update,mean_error,test_accuracy\n5,12,20,"),
            0U);
  const auto answers = nlohmann::json::parse(contents_of(results / "answers.json"));
  EXPECT_EQ(answers["slices"][1]["bits"], 40);
  const auto run = nlohmann::json::parse(contents_of(results / "run.json"));
  EXPECT_EQ(run["dataset"]["held_out"], 359);
  EXPECT_EQ(run["dataset"]["trained_on"], 1797 - 359);
}

TEST_F(Program, QuietPrintsNothingAndVerboseTheStages) {
  const ProgramResult quiet = run_short({"--quiet"});
  EXPECT_EQ(quiet.status, 0);
  EXPECT_EQ(quiet.out + quiet.err, "");
  const ProgramResult verbose = run_short({"--verbose"});
  EXPECT_EQ(verbose.status, 0) << verbose.err;
  for (const char* stage : {"\nload ", "\nstage ", "\ntrain ", "\nsummarise ", "\nwrite "})
    EXPECT_NE(verbose.out.find(stage), std::string::npos) << verbose.out;
}

TEST_F(Program, AnswersAboutItself) {
  EXPECT_EQ(run_program({"--version"}, settings).out, "gridrun " GRIDRUN_VERSION "\n");
  const ProgramResult help = run_program({"--help"}, settings);
  EXPECT_EQ(help.status, 0);
  for (const char* option : {"--config", "--device", "--output", "--set", "--force", "--plot",
                             "--quiet", "--verbose", "--list-devices", "--version", "--help"})
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  const ProgramResult devices = run_program({"--list-devices"}, settings);
  EXPECT_EQ(devices.status, 0);
  EXPECT_NE(devices.out.find("reference"), std::string::npos);
  EXPECT_TRUE(listing().empty());
}

TEST_F(Program, ShowsColoursAndProgressOnATerminal) {
  settings.terminal = true;
  settings.environment = {"NO_COLOR=", "TERM=xterm-256color"};
  const ProgramResult coloured = run_program(some_progress, settings);
  EXPECT_EQ(coloured.status, 0);
  EXPECT_NE(coloured.out.find("\x1b[48;5;"), std::string::npos);
  EXPECT_NE(coloured.out.find("training ["), std::string::npos);
  settings.environment = {"NO_COLOR=1", "TERM=xterm-256color"};
  settings.directory = scratch.path() / "elsewhere";
  fs::create_directory(settings.directory);
  const ProgramResult plain = run_program(some_progress, settings);
  EXPECT_EQ(plain.out.find("\x1b[48;5;"), std::string::npos);
  EXPECT_NE(plain.out.find("training ["), std::string::npos);
}

TEST_F(Program, EnginesWriteTheSameBytes) {
  ASSERT_EQ(run_short({"--device", "reference", "--output", "a"}).status, 0);
  ASSERT_EQ(run_short({"--device", "auto", "--output", "b"}).status, 0);
  for (const char* file : {"grid.csv", "grid.npz", "answers.json"})
    EXPECT_EQ(contents_of(scratch.path() / "a" / file), contents_of(scratch.path() / "b" / file));
}

TEST_F(Program, RunsOnesOwnData) {
  scratch.write("my.csv", "a,b,label\n0.5,-1,0\n1,2,1\n");
  scratch.write("my.toml",
                "[dataset]\nname = \"csv\"\npath = \"my.csv\"\n[train]\niterations = 10\n"
                "[report]\nsmooth_window = 5\n");
  const ProgramResult result = run_program({"--config", "my.toml"}, settings);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(fs::exists(scratch.path() / "results/my/grid.csv"));
}

TEST_F(Program, TellsWhatItInferredOfACsvFile) {
  const auto run = [&](const std::string& text, std::vector<std::string> arguments) {
    scratch.write("my.csv", text);
    scratch.write("my.toml",
                  "[dataset]\nname = \"csv\"\npath = \"my.csv\"\n[train]\niterations = 10\n"
                  "[report]\nsmooth_window = 5\n[grid]\nlr = 3\n");
    arguments.insert(arguments.end(), {"--config", "my.toml", "--force", "--output", "out"});
    const ProgramResult result = run_program(arguments, settings);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    const auto announced = ("\n" + result.out).find("\ncsv: 16 networks, ");
    EXPECT_NE(announced, std::string::npos) << result.out;
    return result.out.substr(0, announced);
  };
  const auto labels = [&] {
    const auto record = nlohmann::json::parse(contents_of(scratch.path() / "out/run.json"));
    return record["dataset"].value("labels", nlohmann::json());
  };
  EXPECT_EQ(run("a,b,label\n0.5,-1,0\n1,2,1\n", {}), "");
  EXPECT_TRUE(labels().is_null());
  EXPECT_EQ(run("petal;sepal;species;height\n0.5;-1;rose;1\n1;2;iris;2\n", {}),
            "my.csv: fields are separated by semicolons\n"
            "my.csv: label column 'species', 2 classes: iris = 0, rose = 1\n");
  EXPECT_EQ(labels(), nlohmann::json({"iris", "rose"}));
  EXPECT_EQ(run("0,1,2\n0.5,-1,1\n1,2,3\n", {}),
            "my.csv: the first line, which counts up, is taken for a header\n"
            "my.csv: label column '2', 2 classes: 1 = 0, 3 = 1\n");
  EXPECT_EQ(labels(), nlohmann::json({1, 3}));
  EXPECT_EQ(run("0,1,2\n0.5,-1,0\n1,2,1\n", {"--set", "dataset.header=false"}), "");
  EXPECT_EQ(run("0,0.5,-1\n1,1,2\n", {"--set", "dataset.label=1"}), "");
}

TEST_F(Program, WarnsOfInputsThatTheirWordsDoNotHold) {
  const auto out = [&](std::vector<std::string> arguments) {
    for (const char* set : {"precision.bits=8", "dataset.scale=1", "grid.fraction=[3, 4]",
                            "grid.lr=[5, 9]", "train.iterations=200", "report.smooth_window=101"})
      arguments.insert(arguments.begin(), {"--set", set});
    arguments.insert(arguments.end(), {"--force", "--output", "a"});
    const ProgramResult result = run_program(arguments, settings);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string raw = out({});
  EXPECT_EQ(raw.find("inputs reach 16 and words of 8 bits, fraction 4, hold 7.94: 32 % of values "
                     "overflow; dataset.scale or dataset.normalise\ndigits: "),
            0U)
      << raw;
  EXPECT_EQ(out({"--set", "dataset.normalise=minmax"}).find("digits: "), 0U);
  EXPECT_EQ(out({"--set", "precision.input.bits=10"}).find("digits: "), 0U);
  EXPECT_EQ(out({"--quiet"}), "");
}

TEST_F(Program, RefusesAWrongCommandLine) {
  EXPECT_EQ(refusal({"--confg", "x"}),
            "gridrun: --confg: not expected; did you mean --config?; see gridrun --help");
  EXPECT_EQ(refusal({"digits.toml"}), "gridrun: digits.toml: not expected; see gridrun --help");
  EXPECT_NE(refusal({"--set"}).find("--set"), std::string::npos);
  EXPECT_NE(refusal({"--quiet", "--verbose"}).find("--verbose"), std::string::npos);
  EXPECT_EQ(
      refusal({"--device", "gpu"}),
      "gridrun: --device gpu: expected auto, cpu, reference, a GPU's number, several of these "
      "as in 0,1, or all");
  EXPECT_EQ(refusal({"--device", "cpu,cpu"}), "gridrun: --device cpu,cpu: cpu twice");
  EXPECT_EQ(refusal({"--device", "auto,cpu"}),
            "gridrun: --device auto,cpu: expected auto alone, or devices by name");
  for (const char* shard : {"1", "0/2", "3/2", "1/0", "1/1000001", "-1/2", "1/2x"})
    EXPECT_EQ(refusal({"--shard="s + shard}),
              "gridrun: --shard "s + shard + ": expected I/N, the I-th of N parts, as in 1/4");
  for (const char* seconds : {"0", "-1", "nan"})
    EXPECT_EQ(refusal({"--max-seconds", seconds}),
              "gridrun: --max-seconds "s + seconds + ": expected a number above 0");
  EXPECT_NE(refusal({"--max-seconds", "soon"}).find("--max-seconds"), std::string::npos);
}

TEST_F(Program, RefusesWhatACommandDoesNotKnow) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"status", "a"}, {"export", "a"}, {"merge", "a", "b"}}) {
    EXPECT_NE(refusal({command.front()}).find(" is required; see gridrun --help"),
              std::string::npos);
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--forse");
    EXPECT_EQ(refusal(arguments), "gridrun: --forse: not expected; see gridrun --help");
    arguments = command;
    arguments.insert(arguments.begin(), "--force");
    EXPECT_EQ(refusal(arguments), "gridrun: --force: expected without status, export and merge");
  }
  EXPECT_EQ(refusal({"export", "a", "--outpt", "b"}),
            "gridrun: --outpt: not expected; did you mean --output?; see gridrun --help");
  EXPECT_EQ(refusal({"--device", "99"}).find("gridrun: --device 99: "), 0U);
}

TEST_F(Program, RefusesAWrongConfiguration) {
  EXPECT_EQ(refusal({"--config", "none.toml"}),
            "gridrun: --config none.toml: no such file; shipped are bulk.toml, digits.toml, "
            "gupta.toml, mlp.toml, mnist.toml");
  EXPECT_EQ(refusal({"--set", "trian.iterations=5"}),
            "gridrun: --set trian.iterations=5: unknown key trian; did you mean train?");
  scratch.write("bad.toml", "[dataset]\nname = \"digits\"\n[grid]\nlr = { from = 9, to = 5 }\n");
  EXPECT_EQ(refusal({"--config", "bad.toml"}),
            "gridrun: bad.toml:4: grid.lr.to = 5, expected at least grid.lr.from = 9");
  EXPECT_EQ(refusal({"--config", "digits.toml", "--set", "report.metric='test_accuracy'"}),
            "gridrun: report.metric = \"test_accuracy\": no samples are held out of every network, "
            "expected train.samples = \"train\" and data with a test split, or dataset.test");
  EXPECT_EQ(refusal({"--set", "network.layers=[63, 10]"}),
            "gridrun: network.layers = [63, 10]: digits has 64 inputs a sample");
}

TEST_F(Program, RefusesBadData) {
  const std::vector<std::string> csv = {"--set", "dataset.name=csv",
                                        "--set", "dataset.path=my.csv",
                                        "--set", "network.layers=[2, 2]"};
  EXPECT_EQ(refusal(csv), "gridrun: my.csv: cannot open: No such file or directory");
  scratch.write("my.csv", "1,2,0\n1,x,1\n");
  EXPECT_EQ(refusal(csv), "gridrun: my.csv:2: field 2 is 'x', expected a number");
  scratch.write("my.csv", "1,2,0\n1,2,7\n1,2,9\n");
  EXPECT_EQ(refusal(csv),
            "gridrun: network.layers = [2, 2]: csv has 3 classes, expected 2 at most");
  const std::vector<std::string> idx = {"--set", "dataset.name=idx", "--set", "dataset.path=idx"};
  scratch.write("idx/train-labels-idx1-ubyte", idx_bytes({2}, {0, 1}));
  const std::string images = gzip_bytes(idx_bytes({2, 2}, {1, 2, 3, 4}));
  scratch.write("idx/train-images-idx2-ubyte.gz", images.substr(0, images.size() - 3));
  EXPECT_EQ(refusal(idx),
            "gridrun: idx/train-images-idx2-ubyte.gz: corrupt gzip: cut short, or its "
            "data or their checksum are wrong");
}

TEST_F(Program, PathsThatCannotBeLookedAtAreErrorsOfTheirKey) {
  const std::string long_name(300, 'x');
  fs::create_symlink("loop", scratch.path() / "loop");
  for (const char* name : {"csv", "idx", "mnist"})
    for (const std::string& path : {long_name, "loop/data"s, "loop"s}) {
      const std::string message =
          refusal({"--set", "dataset.name="s + name, "--set", "dataset.path=" + path});
      EXPECT_EQ(message.find("gridrun: dataset.path = \"" + path.substr(0, 4)), 0U) << message;
      EXPECT_LT(message.size(), 400U);
    }
  settings.environment = {"GRIDRUN_MNIST=" + long_name};
  EXPECT_EQ(refusal({"--config", "mnist.toml"}).find("gridrun: GRIDRUN_MNIST = \"xx"), 0U);
}

TEST_F(Program, EveryMessageIsOneShortLine) {
  scratch.write("a\nb.csv", "1,2,0\n1,\x1b[31m" + std::string(3'000'000, 'x') + ",1\n");
  const std::string message =
      refusal({"--set", "dataset.name=csv", "--set", "dataset.path=\"a\\nb.csv\""});
  EXPECT_EQ(message.find("gridrun: a\\nb.csv:2: field 2 is '\\x1b[31mxxx"), 0U) << message;
  EXPECT_LT(message.size(), 200U);
  const std::string huge = "a\x1b" + std::string(100'000, 'x') + "\n";
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{huge},
                                             {"--" + huge},
                                             {"--quiet=" + huge},
                                             {"--device", huge},
                                             {"--set", huge},
                                             {"--set", huge + "=1"},
                                             {"--set", "dataset.name=" + huge}}) {
    const std::string text = refusal(arguments);
    EXPECT_LT(text.size(), 500U);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

TEST_F(Program, RefusesWhatMemoryCannotHoldBeforeItIsTaken) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  settings.address_space = rlim_t{300} << 20;
  for (const char* device : {"cpu", "reference"}) {
    const std::string message =
        refusal({"--device", device, "--set", "network.layers=[64, 600000]"});
    EXPECT_EQ(message.find("gridrun: train.iterations = 10000, network.layers = [64, 600000], 240 "
                           "networks: "),
              0U)
        << message;
  }
  scratch.write("idx/train-images-idx2-ubyte",
                idx_header(0x09, {50'000'000, 1}) + std::string(50'000'000, '\1'));
  scratch.write("idx/train-labels-idx1-ubyte",
                idx_header(0x08, {50'000'000}) + std::string(50'000'000, '\1'));
  EXPECT_NE(refusal({"--set", "dataset.name=idx", "--set", "dataset.path=idx"})
                .find(" MiB of memory needed"),
            std::string::npos);
}

/// Wherever the limit is: while data load, while threads begin, or in a training.
TEST_F(Program, MemoryIsEnoughOrARefusal) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  std::string row;
  for (int i = 0; i < 100; ++i) row += "7,";
  std::string rows;
  for (int i = 0; i < 50'000; ++i) rows += row + "1\n";
  scratch.write("rows.csv", rows);
  std::string line;
  for (int i = 0; i < 2'000'000; ++i) line += "0,";
  scratch.write("line.csv", line + "1\n");
  for (const std::string split : {"train", "test"}) {
    scratch.write("idx/" + split + "-images-idx2-ubyte",
                  idx_header(0x08, {10'000, 1400}) + std::string(14'000'000, '\1'));
    scratch.write("idx/" + split + "-labels-idx1-ubyte",
                  idx_header(0x08, {10'000}) + std::string(10'000, '\1'));
  }
  const auto expect_enough_or_a_refusal = [&](const std::string& name, const std::string& path) {
    scratch.write("data.toml", "[dataset]\nname = '" + name + "'\npath = '" + path + "'\n");
    int refused = 0;
    for (rlim_t mebibytes = 40; mebibytes <= 100; mebibytes += 6) {
      settings.address_space = mebibytes << 20;
      if (run_program({"--version"}, settings).status != 0) continue;  // it cannot begin
      const ProgramResult result =
          run_short({"--config", "data.toml", "--device", "cpu", "--output", "out", "--force"});
      if (result.status == 0) continue;
      ++refused;
      EXPECT_EQ(result.status, 2) << mebibytes << " MiB for " << path;
      EXPECT_NE(result.err.find(" of memory needed, "), std::string::npos) << result.err;
      EXPECT_TRUE(result.err.starts_with("gridrun: " + path) ||
                  result.err.starts_with("gridrun: train.iterations = "))
          << result.err;
    }
    EXPECT_GT(refused, 0) << path;
  };
  expect_enough_or_a_refusal("csv", "rows.csv");
  expect_enough_or_a_refusal("csv", "line.csv");
  expect_enough_or_a_refusal("idx", "idx");
}

TEST_F(Program, RefusesADirectoryThatCannotBeWritten) {
  scratch.write("file", "");
  EXPECT_EQ(refusal({"--output", "file"}),
            "gridrun: file: not a directory; --output DIR goes elsewhere");
  EXPECT_EQ(refusal({"--output", "file/below"}),
            "gridrun: file/below: cannot be written: Not a directory; --output DIR goes elsewhere");
  EXPECT_EQ(
      refusal({"--output", "/proc/gridrun"}).find("gridrun: /proc/gridrun: cannot be written"), 0U);
}

TEST_F(Program, ReplacesARunOfAnotherConfigurationOnlyByForce) {
  ASSERT_EQ(run_short().status, 0);
  ASSERT_EQ(run_short().status, 0) << "the same configuration runs again";
  const std::string before = contents_of(scratch.path() / "results/digits/grid.csv");
  EXPECT_EQ(refusal({"--set", "train.seed=1"}),
            "gridrun: results/digits: networks.db holds networks of another configuration; --force "
            "replaces it, --output DIR goes elsewhere");
  EXPECT_EQ(contents_of(scratch.path() / "results/digits/grid.csv"), before);
  EXPECT_EQ(run_short({"--set", "train.seed=1", "--force"}).status, 0);
  EXPECT_NE(contents_of(scratch.path() / "results/digits/grid.csv"), before);
}

TEST_F(Program, CtrlCLeavesNothing) {
  settings.interrupt_after = "networks";
  const ProgramResult result =
      run_program({"--set", "train.iterations=20000000", "--output", "a/b"}, settings);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "gridrun: interrupted; nothing was written\n");
  EXPECT_TRUE(listing().empty());
}

TEST_F(Program, CtrlCLeavesTheLastRunAsItWas) {
  ASSERT_EQ(run_short().status, 0);
  const std::string before = contents_of(scratch.path() / "results/digits/run.json");
  const auto files = listing();
  settings.interrupt_after = "networks";
  EXPECT_EQ(run_program({"--set", "train.iterations=20000000", "--force"}, settings).status, 1);
  EXPECT_EQ(contents_of(scratch.path() / "results/digits/run.json"), before);
  EXPECT_EQ(listing(), files);
  EXPECT_NE(run_short().out.find("digits: 4 networks, 4 of them trained before, "),
            std::string::npos);
}

TEST_F(Program, AFullDiskLeavesNothing) {
  // The first ones leave no room for an empty store.
  for (const auto& [largest, status] : {std::pair(200, 2), {1000, 1}, {5000, 1}, {20'000, 1}}) {
    settings.largest_file = static_cast<rlim_t>(largest);
    const ProgramResult result = run_short({"--output", "a/b"});
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.find("gridrun: a/b/networks.db: cannot be "), 0U) << result.err;
    EXPECT_TRUE(listing().empty());
  }
}

TEST_F(Program, AFullStandardOutputIsAnErrorOnceTheFilesAreWritten) {
  settings.out_file = "/dev/full";
  const ProgramResult result = run_short();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "gridrun: standard output: cannot write: No space left on device\n");
  EXPECT_TRUE(fs::exists(scratch.path() / "results/digits/run.json"));
  EXPECT_EQ(run_program({"--version"}, settings).status, 1);
}

TEST_F(Program, ErrorsHaveTheirStatusWhereNobodyReadsThem) {
  for (const auto& [file, closed] :
       {std::pair<std::string, std::vector<int>>{"/dev/full", {}}, {"", {1, 2}}, {"", {0, 1, 2}}}) {
    settings.err_file = file;
    settings.closed = closed;
    EXPECT_EQ(run_program({"--config", "none.toml"}, settings).status, 2) << file;
    EXPECT_EQ(run_short({"--output", "/proc/gridrun"}).status, 2) << file;
  }
}

TEST_F(Program, FinishesWithItsStreamsClosed) {
  for (const std::vector<int>& closed : {std::vector<int>{0}, {1}, {2}, {1, 2}, {0, 1, 2}}) {
    settings.closed = closed;
    EXPECT_EQ(run_short({"--output", "a"}).status, 0);
    const std::string record = contents_of(scratch.path() / "a" / "run.json");
    EXPECT_TRUE(nlohmann::json::accept(record)) << record;
    EXPECT_EQ(contents_of(scratch.path() / "a" / "grid.csv").find("lr,fraction,"), 0U)
        << "nothing was printed into a file";
    fs::remove_all(scratch.path() / "a");
  }
}

/// As after a broken connection, of a run that nohup keeps alive.
TEST_F(Program, FinishesWithoutItsTerminal) {
  settings.terminal = true;
  settings.environment = {"TERM=xterm"};
  settings.ignored = {SIGHUP};
  settings.interrupt_after = "networks";
  settings.interrupt_signal = 0;
  const ProgramResult result = run_program(some_progress, settings);
  EXPECT_EQ(result.status, 1) << "what it printed was lost";
  EXPECT_TRUE(fs::exists(scratch.path() / "results/digits/run.json"));
}

TEST_F(Program, AHangUpIsAnInterruption) {
  settings.interrupt_after = "networks";
  settings.interrupt_signal = SIGHUP;
  const ProgramResult result =
      run_program({"--set", "train.iterations=20000000", "--output", "a/b"}, settings);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "gridrun: interrupted; nothing was written\n");
  EXPECT_TRUE(listing().empty());
}

TEST_F(Program, CtrlCEndsLoading) {
  const fs::path pipe = scratch.path() / "my.csv";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  settings.err_file = (scratch.path() / "err").string();
  const pid_t program = start_program(
      {"--set", "dataset.name=csv", "--set", "dataset.path=my.csv", "--output", "a"}, settings);
  std::signal(SIGPIPE, SIG_IGN);
  const FileDescriptor data(pipe, O_WRONLY);  // opens once gridrun reads
  ::kill(program, SIGINT);
  const std::string samples(1 << 16, '\n');
  std::size_t written = 0;
  constexpr std::size_t most = std::size_t{1} << 28;
  while (written<most&& ::write(data.number(), samples.data(), samples.size())> 0)
    written += samples.size();
  EXPECT_LT(written, most) << "it went on reading";
  if (written >= most) ::kill(program, SIGKILL);
  EXPECT_EQ(wait_for_program(program), 1);
  EXPECT_EQ(contents_of(settings.err_file), "gridrun: interrupted; nothing was written\n");
  EXPECT_FALSE(fs::exists(scratch.path() / "a"));
}

TEST_F(Program, KeepsToTheTerminalsWidth) {
  settings.terminal = true;
  settings.columns = 30;
  settings.environment = {"NO_COLOR=1", "TERM=xterm"};
  const std::string out = run_program(some_progress, settings).out;
  const std::regex line("\r(training [^\r\x1b]*)\x1b");
  std::size_t lines = 0;
  for (std::sregex_iterator found(out.begin(), out.end(), line), end; found != end; ++found) {
    EXPECT_LT((*found)[1].length(), 30);
    ++lines;
  }
  EXPECT_GT(lines, 0U);
}

TEST_F(Program, PrintsNoEscapeCodesWhereTheTerminalKnowsNone) {
  settings.terminal = true;
  for (const char* term : {"TERM=dumb", "TERM="}) {
    settings.environment = {"NO_COLOR=", term};
    const ProgramResult result = run_program(some_progress, settings);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << term;
  }
}

TEST_F(Program, CountsInEnglish) {
  const ProgramResult result =
      run_program({"--set", "train.iterations=1", "--set", "report.smooth_window=1", "--set",
                   "report.polyorder=0", "--set", "grid.lr=5", "--set", "grid.fraction=8"},
                  settings);
  EXPECT_EQ(result.out.find("digits: 1 network, 64 to 10, 1 step each, on "), 0U) << result.out;
}

TEST_F(Program, RefusesWhatTheFileSystemRefuses) {
  const std::string name(300, 'x');
  const std::string cut = path_text(name);
  EXPECT_EQ(refusal({"--config", name}), "gridrun: --config " + cut +
                                             ": File name too long; shipped are bulk.toml, "
                                             "digits.toml, gupta.toml, mlp.toml, mnist.toml");
  EXPECT_EQ(refusal({"--output", name}), "gridrun: " + cut +
                                             ": cannot be written: File name too long; --output "
                                             "DIR goes elsewhere");
  fs::create_symlink("loop", scratch.path() / "loop");
  EXPECT_EQ(refusal({"--config", "loop"}),
            "gridrun: --config loop: Too many levels of symbolic links; shipped are bulk.toml, "
            "digits.toml, gupta.toml, mlp.toml, mnist.toml");
  EXPECT_EQ(refusal({"--output", "loop/below"}),
            "gridrun: loop/below: cannot be written: Too many levels of symbolic links; --output "
            "DIR goes elsewhere");
  EXPECT_EQ(
      refusal({"--config", "."}),
      "gridrun: --config .: a directory, expected a file; shipped are bulk.toml, digits.toml, "
      "gupta.toml, mlp.toml, mnist.toml");
}

TEST_F(Program, NeedsSymbolicLinks) {
  settings.without_links = true;
  EXPECT_EQ(refusal({"--output", "a"}),
            "gridrun: a: its file system has no symbolic links, which results need; --output DIR "
            "goes elsewhere");
}

TEST_F(Program, RefusesARunRecordThatIsNone) {
  ASSERT_EQ(run_short({"--output", "a"}).status, 0);
  const fs::path record = scratch.path() / "a" / "run.json";
  fs::remove(scratch.path() / "a" / "networks.db");  // files without it, as of an older gridrun
  fs::remove(record);
  EXPECT_NE(refusal({"--output", "a"}).find("a: grid.csv is not of a gridrun run"),
            std::string::npos);
  ASSERT_EQ(::mkfifo(record.c_str(), 0600), 0);
  EXPECT_NE(refusal({"--output", "a"}).find("a: run.json cannot be read: not a file"),
            std::string::npos);
  fs::remove(record);
  scratch.write("a/run.json", "{\"configuration\": " + std::string(200'000, '['));
  EXPECT_NE(refusal({"--output", "a"}).find("a: run.json cannot be read: nested deeper"),
            std::string::npos);
  EXPECT_EQ(run_short({"--output", "a", "--force"}).status, 0);
}

}  // namespace
}  // namespace gridrun
