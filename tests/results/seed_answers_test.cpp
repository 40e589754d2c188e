#include "results/seed_answers.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "results/answers_report.hpp"
#include "results/figures_csv.hpp"
#include "results/summary_csv.hpp"

namespace gridrun {
namespace {

constexpr Chance tenth{0.1, 0.05};

/// A table of lr 5 and 6 and fractions 8 to 10.
Slice table(std::int64_t seed, const std::vector<double>& values) {
  Slice slice;
  slice.seed = seed;
  slice.lr = {5, 6};
  slice.precision = {"fraction", {8, 9, 10}};
  slice.metric = Metric::recent_accuracy;
  for (const double value : values) slice.cells.emplace_back().recent_accuracy = value;
  return slice;
}

SeedAnswers answers_of(const SeedSlices& slices, const Chance& chance = tenth) {
  std::vector<Answers> of_seed;
  for (const Slice& slice : slices) of_seed.push_back(answer(slice, 0.02, chance));
  Bootstrap bootstrap;
  return answer_over_seeds(slices, std::move(of_seed), bootstrap);
}

const SeedSlices three = {table(1, {0.1, 0.5, 0.9, 0.1, 0.8, 0.8}),
                          table(2, {0.1, 0.9, 0.9, 0.1, 0.8, 0.8}),
                          table(3, {0.1, 0.1, 0.6, 0.1, 0.1, 0.7})};

TEST(SeedAnswers, AreMediansOfTheSeeds) {
  const SeedAnswers over = answers_of(three);
  EXPECT_EQ(over.best.middle, 0.9);
  EXPECT_EQ(over.best.seeds, 3U);
  EXPECT_EQ(over.best_lr.middle, 5);
  EXPECT_EQ(over.fewest_bits->middle, 10) << "10, 9 and 10";
  EXPECT_EQ(over.learned, 3U);
  EXPECT_EQ(over.rows[0].knee->middle, 10);
  EXPECT_EQ(over.rows[1].plateau.middle, 0.8);
  EXPECT_DOUBLE_EQ(over.cells[2].middle, 0.8) << "the mean of 0.9, 0.9 and 0.6";
  EXPECT_EQ(over.cells[0].low, over.cells[0].high) << "0.1 with every seed";
}

TEST(SeedAnswers, CountTheSeedsThatHaveAnAnswer) {
  SeedSlices slices = three;
  slices[2] = table(3, {0.1, 0.1, 0.1, 0.1, 0.1, 0.1});  // learns nothing
  const SeedAnswers over = answers_of(slices);
  EXPECT_EQ(over.learned, 2U);
  EXPECT_EQ(over.best.seeds, 3U) << "each seed has a best cell";
  EXPECT_EQ(over.fewest_bits->seeds, 2U);
  EXPECT_FALSE(over.slope) << "two rows are no line";
  const auto json = answers_json({over});
  EXPECT_EQ(json["learned"], 2);
  EXPECT_EQ(json["seeds"], (nlohmann::ordered_json{1, 2, 3}));
  EXPECT_EQ(json["fewest_bits"]["fraction"]["seeds"], 2);
  EXPECT_EQ(json["fewest_bits"]["fraction"]["median"], 9.5);
  EXPECT_TRUE(json["diagonal_cliff"].is_null());
  ASSERT_EQ(json["by_seed"].size(), 3U);
  EXPECT_EQ(json["by_seed"][1]["train.seed"], 2);
  EXPECT_FALSE(json["by_seed"][2]["learned"]);
  const std::string text = answers_text(over, 0);
  EXPECT_NE(text.find("2 of 3 seeds learned"), std::string::npos) << text;
}

TEST(SeedAnswers, OfNoSeedThatLearnedSayNoMore) {
  const Slice nothing = table(1, {0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
  const SeedAnswers over = answers_of({nothing, nothing});
  EXPECT_TRUE(over.rows.empty());
  EXPECT_FALSE(over.fewest_bits);
  EXPECT_EQ(answers_text(over, 0).find("fewest"), std::string::npos);
}

TEST(SeedAnswers, OfOneSeedAreItsAnswers) {
  const SeedAnswers over = answers_of({three[0]});
  EXPECT_EQ(answers_text(over, 0), answers_text(over.of_seed[0], 0));
  EXPECT_NE(terms_text(over, 1001).find("one: 1\n"), std::string::npos) << terms_text(over, 1001);
}

TEST(SeedAnswers, SayWhereTheToleranceIsLessThanTheNoise) {
  Chance chance = tenth;
  EXPECT_EQ(terms_text(answers_of(three), 1001).find("noise"), std::string::npos);
  chance.spread = 1.0 / 100;  // 100 samples: 1.96 sqrt(2 p (1 - p) / 102), p = 91 / 102: 8.5 points
  const SeedAnswers over = answers_of(three, chance);
  EXPECT_NE(terms_text(over, 1001).find("2.0 points is less than the noise of a difference: 8.5"),
            std::string::npos)
      << terms_text(over, 1001);
  const double p = 91.0 / 102;
  EXPECT_NEAR(over.of_seed[0].within(), 1.96 * std::sqrt(2 * p * (1 - p) / 102), 1e-12);
  EXPECT_EQ(over.noise.middle, over.of_seed[0].noise) << "of 0.9, 0.9 and 0.7";
}

TEST(SeedAnswers, TellHowFarFloatingPointIsAway) {
  Slice slice = table(1, {0.1, 0.5, 0.9, 0.1, 0.8, 0.89});
  slice.baselines.resize(2);
  slice.baselines[0].recent_accuracy = 0.91;
  slice.baselines[1].recent_accuracy = 0.95;
  EXPECT_FALSE(answer(slice, 0.02, tenth).baseline->fewest) << "0.90 is not within 0.02 of 0.95";
  const Answers near = answer(slice, 0.06, tenth);
  EXPECT_EQ(near.baseline->lr, 6);
  EXPECT_EQ(near.baseline->value, 0.95);
  EXPECT_EQ(near.baseline->fewest->precision, 10);
  EXPECT_EQ(near.baseline->fewest->lr, 5);
  EXPECT_EQ(near.rows[0].baseline, 0.91);
  EXPECT_NE(answers_text(near, 0).find("\nbinary64, %     91.0 95.0\n"), std::string::npos)
      << answers_text(near, 0);
}

TEST(SeedAnswers, NameNoCellThatDidNotLearn) {
  Chance chance{0.1, 0.5, 1.0 / 50};  // a difference of 0.19 is noise
  const Slice slice = table(1, {0.1, 0.59, 0.61, 0.1, 0.58, 0.62});
  const Answers answers = answer(slice, 0.02, chance);
  EXPECT_GT(answers.within(), 0.1);
  EXPECT_EQ(answers.fewest_bits->precision, 10) << "0.59 is not above 0.6";
  EXPECT_EQ(answers.rows[0].knee, 10);
  Slice with_baseline = slice;
  with_baseline.baselines.resize(2);
  with_baseline.baselines[0].recent_accuracy = with_baseline.baselines[1].recent_accuracy = 0.55;
  EXPECT_FALSE(answer(with_baseline, 0.02, chance).baseline->fewest) << "it did not learn itself";
}

TEST(SeedAnswers, CountACutOffKneeAsTheGridsLast) {
  // lr 5 is the left cliff; lr 6 learns at the last fraction only.
  const Slice cut = table(1, {0.1, 0.9, 0.9, 0.1, 0.2, 0.8});
  const Slice whole = table(2, {0.1, 0.9, 0.9, 0.1, 0.8, 0.8});
  const SeedAnswers over = answers_of({cut, cut, whole});
  EXPECT_EQ(over.rows[1].cut_off, 2U);
  EXPECT_EQ(over.rows[1].knee->middle, 10);
  EXPECT_EQ(over.rows[1].knee->seeds, 3U);
  EXPECT_NE(answers_text(over, 0).find("bits or more, cut off in 2 seeds"), std::string::npos)
      << answers_text(over, 0);
}

TEST(SeedAnswers, LabelWholeTablesAlone) {
  SeedSlices slices = {table(1, {0.1, 0.5, 0.9, 0.1, 0.8, 0.8})};
  slices[0].numbers = {1, 2, 3, 5, 6, 7};
  const std::vector<std::optional<Label>> causes(9, Label::frozen);
  std::vector<std::optional<Label>> labels(9);
  SeedAnswers over = answers_of(slices);
  label_cells(slices, causes, over, labels);
  const auto frozen = Label::frozen, learned = Label::learned;
  EXPECT_EQ(over.labels, (std::vector<Label>{frozen, learned, learned, frozen, learned, learned}));
  EXPECT_EQ(labels[1], frozen);
  EXPECT_EQ(labels[2], learned) << "0.5 is half of the way from 0.1 to 0.9";
  EXPECT_FALSE(labels[0]) << "of no whole table";
  EXPECT_FALSE(labels[4]);
}

/// lr 5 and 6 by seeds 1, 2 and 3.
GridResult seeded() {
  GridResult grid{{{"lr", {5, 6}}, {"train.seed", {1, 2, 3}}}, {}};
  for (const double accuracy : {0.1, 0.2, 0.6, 0.5, 0.5, 0.5})
    grid.cells.push_back({accuracy, 1.0, 2.0});
  return grid;
}

TEST(SummaryCsv, HasMeansAndIntervals) {
  GridResult grid = seeded();
  grid.cells[4] = {};  // not trained
  const std::string text = summary_csv(grid);
  EXPECT_TRUE(text.starts_with("lr,seeds,accuracy,accuracy_low,accuracy_high,mean_update,"))
      << text;
  EXPECT_NE(text.find("\n5,3,0.3"), std::string::npos) << text;
  EXPECT_NE(text.find("\n6,2,0.5,0.5,0.5,1,1,1,2,2,2,,,,"), std::string::npos) << text;
  EXPECT_TRUE(has_seeds(grid));
  grid.axes[1].name = "bits";
  EXPECT_FALSE(has_seeds(grid));
}

TEST(FiguresCsv, HasARowForEachTrainedNetwork) {
  GridResult grid = seeded();
  grid.cells[4] = {};
  grid.cells[5].test_accuracy = 0.75;
  grid.cells[5].held_out = 8;
  grid.baselines.resize(2);
  grid.baselines[1].recent_accuracy = 0.875;
  grid.baseline_of = {0, 0, 0, 1, 1, 1};
  EXPECT_EQ(figures_csv(grid),
            "lr,train.seed,accuracy,mean_update,mean_error,test_accuracy,chance,recent_accuracy,"
            "recent_chance,test_chance,held_out,baseline_accuracy,baseline_recent_accuracy,"
            "baseline_test_accuracy\n"
            "5,1,0.1,1,2,,,,,,0,,,\n"
            "5,2,0.2,1,2,,,,,,0,,,\n"
            "5,3,0.6,1,2,,,,,,0,,,\n"
            "6,1,0.5,1,2,,,,,,0,,0.875,\n"
            "6,3,0.5,1,2,0.75,,,,,8,,0.875,\n");
}

}  // namespace
}  // namespace gridrun
