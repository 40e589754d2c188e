#include "results/result_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "results/answers_report.hpp"
#include "results/grid_csv.hpp"
#include "results/npz_file.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

const GridResult result{{{"lr", {5, 6}}, {"fraction", {8, 9, 10}}},
                        {{0.1, 1.0 / 3, 1e300},
                         {1, 0, 0},
                         {-0.001, 5e-324, 2},
                         {0.5, 0.25, 3},
                         {0, 0, 0},
                         {1.01, 1e22, 123456}}};

TEST(GridCsv, IsShortAndReadsBackToTheSameBits) {
  const std::string text = grid_csv(result);
  EXPECT_EQ(text.substr(0, text.find("6,8")),
            "lr,fraction,accuracy,mean_update,mean_error\n"
            "5,8,0.1,0.3333333333333333,1e+300\n"
            "5,9,1,0,0\n"
            "5,10,-0.001,5e-324,2\n");
  EXPECT_EQ(std::strtod("0.3333333333333333", nullptr), 1.0 / 3);
}

TEST(GridCsv, HasAColumnForEachAxis) {
  EXPECT_EQ(grid_csv({{{"lr", {-2, 9}}}, {{0.5, 1, 2}, {0.25, 3, 4}}}),
            "lr,accuracy,mean_update,mean_error\n-2,0.5,1,2\n9,0.25,3,4\n");
  const GridResult three{{{"lr", {3}}, {"fraction", {4, 5}}, {"bits", {8, 16}}},
                         {{0.1, 0, 0, 0.5}, {0.2, 0, 0, 0.6}, {0.3, 0, 0, 0.7}, {0.4, 0, 0, 1}},
                         true};
  EXPECT_EQ(grid_csv(three),
            "lr,fraction,bits,accuracy,mean_update,mean_error,test_accuracy\n"
            "3,4,8,0.1,0,0,0.5\n"
            "3,4,16,0.2,0,0,0.6\n"
            "3,5,8,0.3,0,0,0.7\n"
            "3,5,16,0.4,0,0,1\n");
}

TEST(GridCsv, HasTheTrainedOnesAndQuotesLists) {
  const GridResult grid{
      {{"lr", {3}},
       {"network.layers", {std::vector<std::int64_t>{4, 2}, std::vector<std::int64_t>{4, 3, 2}}},
       {"init.std", {0.5, "he"}}},
      {{0.1, 0, 0}, {}, {0.3, 0, 0, 1}, {0.4, 0, 0}},
      true};
  EXPECT_EQ(grid_csv(grid),
            "lr,network.layers,init.std,accuracy,mean_update,mean_error,test_accuracy\n"
            "3,\"[4,2]\",0.5,0.1,0,0,\n"
            "3,\"[4,3,2]\",0.5,0.3,0,0,1\n"
            "3,\"[4,3,2]\",he,0.4,0,0,\n");
}

/// A stored member of a zip archive, found by its name.
std::string npy(const std::string& archive, const std::string& name) {
  const std::size_t at = archive.find(name + ".npy") + name.size() + 4;
  const std::size_t end = archive.find("PK\x01\x02");
  return archive.substr(at, std::min(end, archive.find("PK\x03\x04", at)) - at);
}

TEST(NpzFile, HoldsNumPyArrays) {
  const ScratchDirectory scratch;
  NpzFile npz(scratch.path() / "a.npz");
  npz.add("reals", {1, 2}, {0.5, -1.0});
  npz.add("integers", std::vector<std::int64_t>{7, -7});
  npz.add("texts", std::vector<std::string>{"floor", "", "[3,4]"});
  const std::vector<std::int64_t> begin = {1, 2}, end = {3, 4, 5, 6};
  npz.add_parts("parts", {3, 2}, {begin, {}, end});
  npz.close();
  const std::string archive = contents_of(scratch.path() / "a.npz");
  const std::string reals = npy(archive, "reals"), integers = npy(archive, "integers");
  const std::size_t header = 10 + static_cast<unsigned char>(reals[8]);
  EXPECT_EQ(header % 64, 0U);
  EXPECT_EQ(reals.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(reals.find("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2,), }"), 10U);
  EXPECT_EQ(integers.find("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"), 10U);
  const std::string texts = npy(archive, "texts");
  EXPECT_EQ(texts.find("{'descr': '<U5', 'fortran_order': False, 'shape': (3,), }"), 10U);
  ASSERT_EQ(texts.size(), header + 3 * 5 * 4);
  EXPECT_EQ(texts.substr(header, 8), std::string("f\0\0\0l\0\0\0", 8));
  EXPECT_EQ(texts.substr(header + 20, 20), std::string(20, '\0'));
  EXPECT_EQ(texts.substr(header + 40, 5), std::string("[\0\0\0"
                                                      "3",
                                                      5));
  const std::string parts = npy(archive, "parts");
  EXPECT_EQ(parts.find("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 2,), }"), 10U);
  std::int64_t in_parts[6];
  ASSERT_EQ(parts.size(), header + sizeof in_parts);
  std::memcpy(in_parts, parts.data() + header, sizeof in_parts);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(in_parts[i], i + 1);
  ASSERT_EQ(reals.size(), header + 2 * sizeof(double));
  double values[2];
  std::memcpy(values, reals.data() + header, sizeof values);
  EXPECT_EQ(values[0], 0.5);
  EXPECT_EQ(values[1], -1.0);
}

TEST(NpzFile, SaysThatTheDiskIsFull) {
  NpzFile npz("/dev/full");
  const std::string message = message_of<RunError>([&] {
    npz.add("reals", {100000}, std::vector<double>(100000, 0.5));
    npz.close();
  });
  EXPECT_EQ(message, "/dev/full: cannot write: No space left on device");
}

std::vector<SeedAnswers> answers_of(const GridResult& grid) {
  Bootstrap bootstrap;
  const SeedSlices slices = slices_of(grid, Metric::accuracy).front();
  return {answer_over_seeds(slices, {answer(slices.front(), 0.02, {})}, bootstrap)};
}

const std::vector<SeedAnswers> answers = answers_of(result);

const nlohmann::ordered_json no_front;

std::string run_record() { return "{}\n"; }

/// Writes all files into a directory; returns their names.
std::vector<std::string> write_all(const std::filesystem::path& directory,
                                   const std::optional<LearningCurves>& curves,
                                   const std::vector<LayerWeights>& weights = {}) {
  std::vector<std::string> names;
  for (const NewFile& file : result_files(result, answers, no_front, curves, weights, run_record)) {
    file.write(directory / file.name);
    names.push_back(file.name);
  }
  return names;
}

TEST(ResultFiles, AreAllThatTheReadmeNames) {
  const ScratchDirectory scratch;
  EXPECT_EQ(write_all(scratch.path(), std::nullopt),
            (std::vector<std::string>{"grid.csv", "figures.csv", "grid.npz", "answers.json",
                                      "run.json"}));
  EXPECT_EQ(contents_of(scratch.path() / "grid.csv"), grid_csv(result));
  EXPECT_EQ(contents_of(scratch.path() / "answers.json"), answers_json(answers).dump(2) + "\n");
  EXPECT_EQ(contents_of(scratch.path() / "run.json"), "{}\n");
  EXPECT_GT(contents_of(scratch.path() / "grid.npz").size(), 1000U);
}

TEST(ResultFiles, HaveADimensionForEachAxis) {
  const ScratchDirectory scratch;
  const GridResult grid{
      {{"lr", {3}}, {"fraction", {4, 5}}, {"bits", {8, 16}}}, std::vector<CellResult>(4), true};
  const std::optional curves = LearningCurves{{0}, {1, 2, 3, 4}};
  for (const NewFile& file : result_files(grid, answers, no_front, curves, {}, run_record))
    file.write(scratch.path() / file.name);
  const std::string of_grid = contents_of(scratch.path() / "grid.npz");
  for (const char* figure : {"accuracy", "mean_update", "mean_error", "test_accuracy"})
    EXPECT_NE(npy(of_grid, figure).find("'shape': (1, 2, 2,)"), std::string::npos) << figure;
  const std::string of_curves = contents_of(scratch.path() / "curves.npz");
  EXPECT_NE(npy(of_curves, "accuracy").find("'shape': (1, 2, 2, 1,)"), std::string::npos);
  for (const std::string& archive : {of_grid, of_curves})
    EXPECT_NE(npy(archive, "bits").find("'shape': (2,)"), std::string::npos);
}

TEST(ResultFiles, SayWhatSeedsDiagnosticsAndTheFrontAdd) {
  const ScratchDirectory scratch;
  GridResult grid{{{"lr", {3}}, {"train.seed", {1, 2}}, {"bits", {8, 16}}},
                  std::vector<CellResult>(4)};
  for (CellResult& cell : grid.cells) cell.accuracy = 0.5;
  LayerCounts counts;
  counts.counts.of(Tensor::master) = {7, 12};
  counts.fraction[static_cast<std::size_t>(Tensor::master)] = 9;
  counts.counts.updates = 40;
  counts.counts.lost = 4;
  counts.drift = -0.5;
  grid.diagnostics = {{counts}, {}, {counts}, {counts}};
  grid.labels = {Label::drifting, std::nullopt, Label::learned, Label::learned};
  const nlohmann::ordered_json front = {{{"weight_bits", 80}}};
  const std::optional curves = LearningCurves{{0}, {1, 2, 3, 4}};
  const std::vector<std::int64_t> one = {7};
  std::vector<LayerWeights> weights(1);
  weights[0].units = weights[0].inputs = 1;
  weights[0].of_network.assign(4, one);
  std::vector<std::string> written;
  for (const NewFile& file : result_files(grid, answers, front, curves, weights, run_record)) {
    file.write(scratch.path() / file.name);
    written.push_back(file.name);
  }
  EXPECT_EQ(written, std::vector<std::string>(std::begin(result_names), std::end(result_names)));
  const std::string rows = contents_of(scratch.path() / "diagnostics.csv");
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 4) << "a network has none";
  EXPECT_NE(rows.find("\n3,1,8,1,drifting,1,1,0,12,3,7,,,,"), std::string::npos) << rows;
  EXPECT_NE(rows.find(",40,4,0,0,-0.5\n"), std::string::npos) << rows;
  EXPECT_NE(contents_of(scratch.path() / "figures.csv").find(",drifting\n"), std::string::npos);
  EXPECT_TRUE(contents_of(scratch.path() / "summary.csv").starts_with("lr,bits,seeds,accuracy,"));
  EXPECT_EQ(nlohmann::json::parse(
                contents_of(scratch.path() / "answers.json"))["pareto"][0]["weight_bits"],
            80);
}

TEST(ResultFiles, HoldAxesOfAnyKindByTheirNames) {
  const ScratchDirectory scratch;
  const GridResult grid{{{"lr", {3}},
                         {"init.std", {0.5, 2.0}},
                         {"precision.round", {"floor", "stochastic"}},
                         {"train.seed", {7, 8, 9}}},
                        std::vector<CellResult>(12)};
  for (const NewFile& file : result_files(grid, answers, no_front, {}, {}, run_record))
    file.write(scratch.path() / file.name);
  const std::string archive = contents_of(scratch.path() / "grid.npz");
  EXPECT_NE(npy(archive, "accuracy").find("'shape': (1, 2, 2, 3,)"), std::string::npos);
  EXPECT_NE(npy(archive, "init.std").find("'<f8', 'fortran_order': False, 'shape': (2,)"),
            std::string::npos);
  EXPECT_NE(npy(archive, "precision.round").find("'<U10', 'fortran_order': False, 'shape': (2,)"),
            std::string::npos);
  EXPECT_NE(npy(archive, "train.seed").find("'<i8', 'fortran_order': False, 'shape': (3,)"),
            std::string::npos);
}

TEST(ResultFiles, HoldCurvesAndWeightsWhereThereAreSome) {
  const ScratchDirectory scratch;
  const LearningCurves curves{{0, 9}, {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0.25, 0.75}};
  NetworkSpec network;
  network.units = {1, 3, 2};
  network.bias = true;
  std::vector<Weights> of_networks(6);
  for (std::size_t n = 0; n < 6; ++n) {
    const auto first = static_cast<std::int64_t>(100 * n);
    of_networks[n] = {{first, 1, 2, 3, 4, 5}, {-first, 7, 8, 9, 10, 11, 12, 13}};
  }
  EXPECT_EQ(write_all(scratch.path(), curves, final_weights(network, of_networks)),
            (std::vector<std::string>{"grid.csv", "figures.csv", "grid.npz", "answers.json",
                                      "curves.npz", "weights.npz", "run.json"}));
  const std::string archive = contents_of(scratch.path() / "curves.npz");
  EXPECT_NE(npy(archive, "accuracy").find("'shape': (2, 3, 2,)"), std::string::npos);
  EXPECT_NE(npy(archive, "steps").find("'shape': (2,)"), std::string::npos);
  EXPECT_NE(npy(archive, "learning_rates").find("'shape': (2,)"), std::string::npos);
  EXPECT_NE(npy(archive, "fractions").find("'shape': (3,)"), std::string::npos);

  const std::string weights = contents_of(scratch.path() / "weights.npz");
  EXPECT_NE(npy(weights, "layer1").find("'<i8', 'fortran_order': False, 'shape': (2, 3, 3, 2,)"),
            std::string::npos);
  EXPECT_NE(npy(weights, "layer2").find("'shape': (2, 3, 2, 4,)"), std::string::npos);
  EXPECT_NE(npy(weights, "learning_rates").find("'shape': (2,)"), std::string::npos);
  EXPECT_NE(npy(weights, "fractions").find("'shape': (3,)"), std::string::npos);
  const std::string layer2 = npy(weights, "layer2");
  std::int64_t values[6 * 8];
  std::memcpy(values, layer2.data() + layer2.size() - sizeof values, sizeof values);
  for (std::size_t n = 0; n < 6; ++n)
    EXPECT_EQ((std::vector<std::int64_t>(values + 8 * n, values + 8 * n + 8)), of_networks[n][1]);
}

}  // namespace
}  // namespace gridrun
