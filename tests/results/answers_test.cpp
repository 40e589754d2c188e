#include "results/answers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configuration/configuration.hpp"
#include "results/answers_report.hpp"
#include "results/savitzky_golay.hpp"
#include "test_sweep.hpp"

namespace gridrun {
namespace {

constexpr double tolerance = 0.02;
constexpr Chance tenth{0.1, 0.05};

/// A slice of lr and fraction that count up from the given ones, from its accuracies by row.
Slice slice_of(int lr, int fraction, const std::vector<std::vector<double>>& rows) {
  Slice slice;
  slice.precision.name = "fraction";
  for (const auto& row : rows) {
    slice.lr.push_back(lr++);
    for (const double accuracy : row) slice.cells.push_back({accuracy, 1.0, 1.0});
  }
  for (std::size_t i = 0; i < rows[0].size(); ++i) slice.precision.values.push_back(fraction++);
  return slice;
}

Answers answers_of(const std::vector<std::vector<double>>& rows, const Chance& chance = tenth) {
  return answer(slice_of(5, 8, rows), tolerance, chance);
}

/// What answers.json has of slices of one seed each.
nlohmann::ordered_json json_of(const std::vector<Answers>& slices) {
  std::vector<SeedAnswers> of_seeds(slices.size());
  for (std::size_t slice = 0; slice < slices.size(); ++slice)
    of_seeds[slice].of_seed = {slices[slice]};
  return answers_json(of_seeds);
}

/// A grid like the studies': a cliff to the left of lr 6, a diagonal one beyond, one bit an lr, and
/// two rows of which too little is on the grid.
const std::vector<std::vector<double>> studied = {{0.1, 0.2, 0.3, 0.3, 0.3, 0.3},   // lr 5
                                                  {0.1, 0.8, 0.9, 0.9, 0.9, 0.9},   // lr 6
                                                  {0.1, 0.8, 0.9, 0.9, 0.91, 0.9},  // lr 7
                                                  {0.1, 0.1, 0.5, 0.8, 0.81, 0.8},  // lr 8
                                                  {0.1, 0.1, 0.1, 0.5, 0.7, 0.71},  // lr 9
                                                  {0.1, 0.1, 0.1, 0.1, 0.5, 0.7},   // lr 10
                                                  {0.1, 0.1, 0.1, 0.1, 0.4, 0.41}};

TEST(Answers, OfAGridLikeTheStudys) {
  const Answers answers = answers_of(studied);
  ASSERT_TRUE(answers.learned);
  EXPECT_EQ(answers.best.lr, 7);
  EXPECT_EQ(answers.best.precision, 12);
  EXPECT_EQ(answers.best.value, 0.91);
  EXPECT_EQ(answers.fewest_bits->precision, 10);
  EXPECT_EQ(answers.fewest_bits->lr, 6) << "of equals the largest learning rate";
  EXPECT_EQ(answers.left_cliff.lr, 6);
  EXPECT_EQ(answers.left_cliff.next_lr, 5);
  EXPECT_DOUBLE_EQ(answers.left_cliff.loss, 0.91 - 0.3);

  const std::vector<std::optional<int>> knees = {10, 10, 10, 11, 12, 13, 12};
  const std::vector<std::optional<int>> settled_from = {10, 10, 10, 11, 12, std::nullopt, 12};
  for (std::size_t row = 0; row < 7; ++row) {
    EXPECT_EQ(answers.rows[row].knee, knees[row]) << row;
    EXPECT_EQ(answers.rows[row].settled, settled_from[row]) << row;
    EXPECT_EQ(answers.rows[row].cut_off, row >= 5) << row;
  }
  ASSERT_TRUE(answers.diagonal_cliff);
  EXPECT_EQ(answers.diagonal_cliff->lr, (std::vector<int>{7, 8, 9}));
  EXPECT_DOUBLE_EQ(answers.diagonal_cliff->slope, 1.0);
  EXPECT_DOUBLE_EQ(answers.diagonal_cliff->intercept, 3.0);
  EXPECT_EQ(answers.diagonal_cliff->residuals, (std::vector<double>{0, 0, 0}));
  ASSERT_TRUE(answers.settled);
  EXPECT_EQ(answers.settled->precision, 12);
  EXPECT_EQ(answers.settled->except_lr, (std::vector<int>{10, 11})) << "11 is cut off, not settled";
  ASSERT_TRUE(answers.common_rate);
  EXPECT_EQ(answers.common_rate->lr, 6);
  EXPECT_EQ(answers.common_rate->precision, 9);
  EXPECT_TRUE(answers.common_rate->everywhere) << "fraction 8 taught nobody anything";
  EXPECT_FALSE(answers.columns[0].learned);
}

TEST(Answers, TheTextHasThemInTenLines) {
  EXPECT_EQ(
      answers_text(answers_of(studied), 0),
      "best cell       91.0 % at lr 7, fraction 12; chance is 10.0 % and 5.0 points of noise\n"
      "lr                 5    6    7    8    9   10   11\n"
      "plateau, %      30.0 90.0 91.0 81.0 71.0 70.0 41.0\n"
      "knee, bits        10   10   10   11   12   13+  12+\n"
      "fewest bits     10, at lr 6: 90.0 %, within 2.0 points of the best\n"
      "left cliff      2^-6 comes within 2.0 points of the best, 2^-5 loses 61.0 points\n"
      "diagonal cliff  knee = 3.00 + 1.00 lr within 0.00 bits over lr 7 to 9; the grid ends "
      "before that of lr 10, 11\n"
      "enough bits     nothing changes by more than the tolerance from 12 bits on, except at "
      "lr 10, 11\n"
      "best lr         does not depend on the fraction: lr 6 will do for all that learned\n");
}

TEST(Answers, TheTableIsFoldedToTheTerminal) {
  const std::string text = answers_text(answers_of(studied), 40);
  EXPECT_NE(text.find("lr                 5    6    7    8\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nlr                 9   10   11\n"), std::string::npos) << text;
}

TEST(Answers, NothingLearned) {
  const Answers answers = answers_of({{0.1, 0.149}, {0.15, 0.12}});
  EXPECT_FALSE(answers.learned) << "0.15 is at the threshold, not above it";
  EXPECT_EQ(answers.best.value, 0.15);
  EXPECT_TRUE(answers.rows.empty());
  EXPECT_EQ(
      answers_text(answers, 80),
      "no cell learned more than chance (10.0 % and 5.0 points of noise); the best, 15.0 % at "
      "lr 6, fraction 8\n");
  const auto json = json_of({answers});
  EXPECT_FALSE(json["learned"]);
  EXPECT_EQ(json["best"]["lr"], 6);
  EXPECT_TRUE(json["by_lr"].empty());
  for (const char* key : {"fewest_bits", "left_cliff", "diagonal_cliff", "settled", "common_rate"})
    EXPECT_TRUE(json[key].is_null()) << key;
}

TEST(Answers, OneRow) {
  const Answers answers = answers_of({{0.1, 0.5, 0.9, 0.89, 0.9}});
  EXPECT_EQ(answers.best.precision, 10) << "of equals the fewest bits";
  EXPECT_EQ(answers.rows[0].knee, 10);
  EXPECT_EQ(answers.left_cliff.lr, 5);
  EXPECT_FALSE(answers.left_cliff.next_lr);
  EXPECT_FALSE(answers.diagonal_cliff);
  EXPECT_EQ(answers.settled->precision, 10);
  EXPECT_FALSE(answers.common_rate) << "there is no other lr to prefer";
}

TEST(Answers, OneColumn) {
  const Answers answers = answers_of({{0.2}, {0.9}, {0.9}, {0.1}});
  EXPECT_EQ(answers.best.lr, 6);
  for (const RowAnswer& row : answers.rows) EXPECT_FALSE(row.knee) << "no knee in a single cell";
  EXPECT_DOUBLE_EQ(answers.left_cliff.loss, 0.9 - 0.2);
  EXPECT_FALSE(answers.diagonal_cliff);
  EXPECT_FALSE(answers.settled);
  EXPECT_FALSE(answers.common_rate);
  EXPECT_NE(answers_text(answers, 0).find("cannot be told: the grid has one fraction"),
            std::string::npos);
}

TEST(Answers, OneCell) {
  const Answers answers = answers_of({{0.5}});
  EXPECT_TRUE(answers.learned);
  EXPECT_EQ(answers.fewest_bits->precision, 8);
  EXPECT_FALSE(answers.left_cliff.next_lr);
  EXPECT_FALSE(answers.diagonal_cliff || answers.settled || answers.common_rate);
  EXPECT_FALSE(answers_text(answers, 0).empty());
  EXPECT_FALSE(answers_of({{0.15}}).learned);
}

TEST(Answers, AWholeHundredFitsItsColumn) {
  const std::string text = answers_text(answers_of({{0.2, 1.0}, {0.2, 0.999}, {0.2, 0.9996}}), 0);
  EXPECT_NE(text.find("\nplateau, %       100 99.9  100\n"), std::string::npos) << text;
}

TEST(Answers, AllCellsEqual) {
  const Answers answers = answers_of({{0.9, 0.9, 0.9}, {0.9, 0.9, 0.9}, {0.9, 0.9, 0.9}});
  EXPECT_EQ(answers.best.lr, 5);
  EXPECT_EQ(answers.best.precision, 8);
  for (const RowAnswer& row : answers.rows) EXPECT_EQ(row.knee, 8);
  EXPECT_FALSE(answers.diagonal_cliff) << "two rows make no line";
  EXPECT_EQ(answers.settled->precision, 8);
  EXPECT_TRUE(answers.common_rate->everywhere);
}

TEST(Answers, ARowThatDidNotLearnHasNoKneeAndHidesTheRowsBeyond) {
  const Answers answers =
      answers_of({{0.9, 0.9, 0.9}, {0.9, 0.9, 0.9}, {0.1, 0.1, 0.14}, {0.9, 0.9, 0.9}});
  EXPECT_FALSE(answers.rows[2].knee);
  EXPECT_EQ(answers.settled->except_lr, std::vector<int>{8}) << "cut off; lr 7 did not learn";
  EXPECT_FALSE(answers.rows[1].cut_off);
  EXPECT_TRUE(answers.rows[2].cut_off);
  EXPECT_TRUE(answers.rows[3].cut_off);
  EXPECT_FALSE(answers.diagonal_cliff);
}

TEST(Answers, TheBestRateMayDependOnTheFraction) {
  const Answers answers =
      answers_of({{0.5, 0.6, 0.6, 0.6}, {0.3, 0.7, 0.8, 0.9}, {0.1, 0.71, 0.8, 0.91}});
  ASSERT_TRUE(answers.common_rate);
  EXPECT_EQ(answers.common_rate->lr, 6) << "of equals the largest learning rate";
  EXPECT_EQ(answers.common_rate->precision, 9);
  EXPECT_FALSE(answers.common_rate->everywhere);
  EXPECT_NE(answers_text(answers, 0).find("lr 6 will do from 9 bits on, fewer want lr 5\n"),
            std::string::npos);
}

TEST(Answers, AGridThatChangesToItsEndIsNotSettled) {
  const Answers answers = answers_of({{0.2, 0.4, 0.6}, {0.2, 0.5, 0.7}});
  EXPECT_FALSE(answers.settled);
  EXPECT_NE(answers_text(answers, 0).find("enough bits     no fraction of this grid"),
            std::string::npos);
}

TEST(Answers, AxesMayHaveGaps) {
  Slice slice =
      slice_of(0, 0, {{0.9, 0.9, 0.9}, {0.5, 0.9, 0.9}, {0.5, 0.9, 0.9}, {0.1, 0.5, 0.9}});
  slice.lr = {2, 5, 9, 10};
  slice.precision.values = {4, 8, 20};
  const Answers answers = answer(slice, tolerance, tenth);
  EXPECT_EQ(answers.rows[1].knee, 8);
  EXPECT_EQ(answers.rows[3].knee, 20);
  EXPECT_TRUE(answers.rows[3].cut_off);
  EXPECT_EQ(answers.settled->precision, 8);
  EXPECT_NE(answers_text(answers, 0).find("except at lr 10\n"), std::string::npos);
}

TEST(Answers, ToleranceZeroAsksForTheVeryBest) {
  const Answers answers = answer(slice_of(5, 8, {{0.5, 0.89, 0.9, 0.9}}), 0.0, tenth);
  EXPECT_EQ(answers.rows[0].knee, 10);
  EXPECT_EQ(answers.settled->precision, 10);
}

TEST(Answers, KnowNoBitsWhereNoPrecisionIsAnAxis) {
  Slice slice = slice_of(-1, 0, {{0.2}, {0.9}, {0.89}, {0.1}});
  slice.precision.name = "";
  const Answers answers = answer(slice, tolerance, tenth);
  EXPECT_TRUE(answers.learned);
  EXPECT_EQ(answers.left_cliff.lr, 0);
  EXPECT_FALSE(answers.fewest_bits);
  EXPECT_TRUE(answers.columns.empty());
  for (const RowAnswer& row : answers.rows) EXPECT_FALSE(row.knee || row.settled || row.cut_off);
  EXPECT_EQ(answers_text(answers, 0),
            "best cell       90.0 % at lr 0; chance is 10.0 % and 5.0 points of noise\n"
            "lr                -1    0    1    2\n"
            "accuracy, %     20.0 90.0 89.0 10.0\n"
            "left cliff      2^0 comes within 2.0 points of the best, 2^1 loses 70.0 points\n"
            "bits            nothing to compare: no number of bits is an axis of the grid\n");
  const auto json = json_of({answers});
  EXPECT_EQ(json["best"], (nlohmann::ordered_json{{"lr", 0}, {"value", 0.9}, {"accuracy", 0.9}}));
  EXPECT_EQ(json["by_lr"][3], (nlohmann::ordered_json{{"lr", 2},
                                                      {"plateau", 0.1},
                                                      {"knee", nullptr},
                                                      {"settled", nullptr},
                                                      {"cut_off", false}}));
  for (const char* key : {"fewest_bits", "diagonal_cliff", "settled", "common_rate"})
    EXPECT_TRUE(json[key].is_null()) << key;
  for (const auto& [key, value] : json.items())
    EXPECT_TRUE(key == "by_lr" || !key.starts_with("by_")) << key;
}

TEST(Answers, CallBitsOfAWordByTheirName) {
  Slice slice = slice_of(5, 8, studied);
  slice.precision.name = "bits";
  const Answers answers = answer(slice, tolerance, tenth);
  const std::string text = answers_text(answers, 0);
  EXPECT_EQ(text.find("fraction"), std::string::npos) << text;
  for (const char* part :
       {"best cell       91.0 % at lr 7, 12 bits; chance", "\nfewest bits     10, at lr 6: 90.0 %",
        "\nbest lr         does not depend on the word length: lr 6 will do"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;

  const auto json = json_of({answers}), of_fraction = json_of({answers_of(studied)});
  EXPECT_EQ(json["best"],
            (nlohmann::ordered_json{{"lr", 7}, {"bits", 12}, {"value", 0.91}, {"accuracy", 0.91}}));
  EXPECT_EQ(json["by_lr"][2]["plateau_bits"], 12);
  EXPECT_EQ(json["by_bits"][0]["bits"], 8);
  EXPECT_EQ(json["settled"]["bits"], 12);
  EXPECT_EQ(json["common_rate"]["bits"], 9);
  nlohmann::json same = json, as = of_fraction;
  same.erase("text"), as.erase("text");
  std::string renamed = as.dump();
  for (std::size_t at; (at = renamed.find("fraction")) != std::string::npos;)
    renamed.replace(at, 8, "bits");
  EXPECT_EQ(same, nlohmann::json::parse(renamed)) << "all else is as of fractions";

  const Slice one = [] {
    Slice of_one = slice_of(5, 8, {{0.9}, {0.9}});
    of_one.precision.name = "bits";
    return of_one;
  }();
  EXPECT_NE(answers_text(answer(one, tolerance, tenth), 0).find("the grid has one word length\n"),
            std::string::npos);
}

TEST(Answers, LearningRatesMayBeAboveOne) {
  const Answers answers =
      answer(slice_of(-3, 8, {{0.1, 0.1, 0.2}, {0.1, 0.6, 0.7}, {0.5, 0.9, 0.9}, {0.1, 0.2, 0.9}}),
             tolerance, tenth);
  const std::string text = answers_text(answers, 0);
  EXPECT_NE(text.find("\nlr                -3   -2   -1    0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("2^1 comes within 2.0 points of the best, 2^2 loses 20.0 points\n"),
            std::string::npos)
      << text;
  const Answers by_bits =
      answer(slice_of(-5, 8, {{0.5, 0.2, 0.1}, {0.4, 0.9, 0.9}}), tolerance, tenth);
  EXPECT_NE(answers_text(by_bits, 0).find("lr -4 will do from 9 bits on, fewer want lr -5\n"),
            std::string::npos)
      << answers_text(by_bits, 0);
}

TEST(Answers, TellWhatTheHeldOutSamplesSay) {
  Slice slice = slice_of(5, 8, {{0.5, 0.9}, {0.8, 0.7}});
  slice.holds_out = true;
  slice.cells[0].test_accuracy = 0.4;
  slice.cells[1].test_accuracy = 0.7;  // of the best cell
  slice.cells[2].test_accuracy = 0.75;
  slice.cells[3].test_accuracy = 0.75;
  const Answers answers = answer(slice, tolerance, tenth);
  const std::string line =
      "held out        70.0 % at the best cell; at most 75.0 %, at lr 6, fraction 8\n";
  EXPECT_TRUE(answers_text(answers, 0).ends_with("\n" + line)) << answers_text(answers, 0);
  const auto json = json_of({answers});
  EXPECT_EQ(json["best"]["test_accuracy"], 0.7);
  EXPECT_EQ(json["best_held_out"],
            (nlohmann::ordered_json{{"lr", 6}, {"fraction", 8}, {"test_accuracy", 0.75}}))
      << "of equals the fewest bits";

  slice.holds_out = false;
  const Answers without = answer(slice, tolerance, tenth);
  EXPECT_EQ(answers_text(answers, 0), answers_text(without, 0) + line) << "they choose no answer";
  EXPECT_FALSE(json_of({without}).contains("best_held_out"));

  slice.holds_out = true;
  EXPECT_TRUE(
      answers_text(answer(slice, tolerance, {0.9, 0.05}), 0).ends_with("fraction 9\n" + line))
      << "also where no cell learned";
}

TEST(Answers, OfSlicesStandSideBySide) {
  Slice first = slice_of(5, 8, {{0.5, 0.9}}), second = slice_of(5, 8, {{0.1, 0.1}});
  first.held = {{"bits", 8}};
  second.held = {{"bits", 16}};
  const Answers of_first = answer(first, tolerance, tenth);
  const Answers of_second = answer(second, tolerance, tenth);
  const auto json = json_of({of_first, of_second});
  ASSERT_EQ(json.size(), 1U);
  ASSERT_EQ(json["slices"].size(), 2U);
  EXPECT_EQ(json["slices"][0]["bits"], 8);
  EXPECT_EQ(json["slices"][0]["best"]["fraction"], 9);
  EXPECT_EQ(json["slices"][1]["bits"], 16);
  EXPECT_FALSE(json["slices"][1]["learned"]);
  EXPECT_EQ(heading(of_first.held), "words of 8 bits");
  EXPECT_EQ(heading({}), "");
}

TEST(Answers, OfNoSliceAreAnEmptyList) { EXPECT_EQ(answers_json({}).dump(), R"({"slices":[]})"); }

/// A golden table as a slice; its cells are sorted by lr and then fraction.
Slice golden(const std::string& study) {
  std::ifstream file(std::string(GRIDRUN_TESTS) + "/golden/" + study + ".csv");
  Slice slice;
  slice.precision.name = "fraction";
  std::string line;
  std::getline(file, line);
  CellResult cell;
  for (int lr, fraction; std::getline(file, line); slice.cells.push_back(cell)) {
    EXPECT_EQ(std::sscanf(line.c_str(), "%d,%d,%lf,%lf,%lf", &lr, &fraction, &cell.accuracy,
                          &cell.mean_update, &cell.mean_error),
              5);
    if (slice.lr.empty() || slice.lr.back() != lr) slice.lr.push_back(lr);
    if (slice.lr.size() == 1) slice.precision.values.push_back(fraction);
  }
  return slice;
}

/// Expects the same keys, texts and integers, and the same reals to 1e-12.
void expect_same(const nlohmann::json& got, const nlohmann::json& expected,
                 const std::string& where) {
  if (got.is_number() && expected.is_number()) {
    EXPECT_NEAR(got.get<double>(), expected.get<double>(), 1e-12) << where;
  } else if (got.is_structured() && got.size() == expected.size()) {
    for (const auto& [key, value] : got.items())
      got.is_object() ? expect_same(value, expected.value(key, nlohmann::json()), where + "." + key)
                      : expect_same(value, expected.at(std::stoul(key)), where + "." + key);
  } else {
    EXPECT_EQ(got, expected) << where;
  }
}

class StudyAnswers : public ::testing::TestWithParam<std::string> {
 protected:
  nlohmann::json oracle =
      nlohmann::json::parse(std::ifstream(GRIDRUN_TESTS "/oracle/answers.json"))[GetParam()];
};

TEST_P(StudyAnswers, AreThoseOfTheOracle) {
  const double level = oracle["chance"]["level"], margin = oracle["chance"]["margin"];
  const Chance chance{level, margin, margin * margin / 16 / (level * (1 - level))};
  const Answers answers = answer(golden(GetParam()), tolerance, chance);
  nlohmann::json got = json_of({answers});
  EXPECT_EQ(got["text"].size(), 9U);
  got.erase("text");
  expect_same(got, oracle, GetParam());
}

TEST_P(StudyAnswers, MeasureChanceAsTheOracle) {
  std::vector<std::string> overrides;
  if (GetParam() == "mnist") {
    const auto directory = mnist_directory();
    if (!directory) GTEST_SKIP() << "SKIPPED: no MNIST; tools/fetch-mnist brings it";
    overrides.push_back("dataset.path='" + directory->string() + "'");
  }
  const TestSweep test = shipped_sweep(GetParam() + ".toml", overrides);
  const Sweep sweep = read_configuration(find_configuration(GetParam() + ".toml"), overrides);
  const auto weights = savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder);
  const Chance measured =
      chance_at(chance_levels(test.staged(), weights).accuracy, smoothing_spread(weights));
  EXPECT_NEAR(measured.level, oracle["chance"]["level"], 1e-12);
  EXPECT_NEAR(measured.margin, oracle["chance"]["margin"], 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Golden, StudyAnswers, ::testing::Values("digits", "mnist"),
                         [](const auto& study) { return study.param; });

TEST(Answers, MnistNeedsOneMoreBitForEachHalvingOfTheLearningRate) {
  const Answers answers = answer(golden("mnist"), tolerance, {0.1424, 0.0937});
  ASSERT_TRUE(answers.diagonal_cliff);
  EXPECT_NEAR(answers.diagonal_cliff->slope, 1.0, 0.01);
  EXPECT_GE(answers.diagonal_cliff->lr.size(), 8U);
}

}  // namespace
}  // namespace gridrun
