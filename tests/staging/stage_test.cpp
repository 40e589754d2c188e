#include <gtest/gtest.h>

#include "configuration/cells.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "gridrun/study_sweep.hpp"
#include "message_of.hpp"
#include "staging/legacy_random.hpp"
#include "staging/stage.hpp"
#include "vectors.hpp"

namespace gridrun {
namespace {

class Stage : public ::testing::Test {
 protected:
  Stage() {
    dataset.name = "small";
    dataset.samples = 6;
    dataset.train_samples = 4;
    dataset.inputs = 1;
    dataset.values = std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6};
    dataset.labels = {2, 0, 1, 0, 1, 0};
    dataset.classes = 3;
    sweep.axes = {{"lr", {5, 6}}, {"fraction", {8, 9, 10}}};
    sweep.train.draw_order = DrawOrder::weights;
  }

  std::string refusal() {
    return message_of<RequestError>([&] { stage(sweep, dataset); });
  }

  Dataset dataset;
  Sweep sweep;
};

using Order = std::vector<std::uint32_t>;

TEST_F(Stage, AsStoredKeepsTheOrder) {
  sweep.dataset.order = SampleOrder::as_stored;
  EXPECT_EQ(stage(sweep, dataset).order, (Order{0, 1, 2, 3, 4, 5}));
}

TEST_F(Stage, ByLabelSortsInsideEachSplitAndKeepsTheOrderOfEquals) {
  EXPECT_EQ(stage(sweep, dataset).order, (Order{1, 3, 2, 0, 5, 4}));
}

TEST_F(Stage, TheShuffleComesAfterTheSort) {
  sweep.train.draw_order = DrawOrder::shuffle_then_weights;
  const auto permutation = LegacyRandom(sweep.train.seed).permutation(6);
  const Order sorted = {1, 3, 2, 0, 5, 4};
  Order expected;
  for (const auto i : permutation) expected.push_back(sorted[i]);
  EXPECT_EQ(stage(sweep, dataset).order, expected);
}

TEST_F(Stage, TheDrawOrderSaysWhatComesFirst) {
  LegacyRandom random(sweep.train.seed);
  for (int i = 0; i < 3; ++i) random.normal();
  const auto permutation = random.permutation(6);
  sweep.dataset.order = SampleOrder::as_stored;
  sweep.train.draw_order = DrawOrder::weights_then_shuffle;
  EXPECT_EQ(stage(sweep, dataset).order, permutation);
}

TEST_F(Stage, WeightsAreNumPys) {
  for (const auto& vector : vectors("initial_weights")) {
    const std::size_t count = vector["count"];
    sweep.network.layers = {1, static_cast<std::uint32_t>(count)};
    sweep.init.mean = vector["mean"];
    sweep.init.std = vector["std"];
    sweep.train.seed = vector["seed"];
    const bool shuffled = !vector["permutation_first"].is_null();
    sweep.train.draw_order = shuffled ? DrawOrder::shuffle_then_weights : DrawOrder::weights;
    dataset.samples = shuffled ? vector["permutation_first"].get<std::size_t>() : 6;
    dataset.train_samples = std::min<std::size_t>(dataset.samples, 4);
    dataset.labels.resize(dataset.samples, 0);
    const auto weights = study_of(stage(sweep, dataset)).value().weights;
    ASSERT_EQ(weights.size(), count);
    std::int64_t weighted_sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      weighted_sum += static_cast<std::int64_t>(i + 1) * weights[i];
    EXPECT_EQ(weighted_sum, integer(vector["weighted_sum"])) << vector["what"];
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(weights[i], vector["first_20"][i]);
  }
}

TEST_F(Stage, NetworksAreTheProductOfTheAxes) {
  const auto networks = study_of(stage(sweep, dataset)).value().networks;
  ASSERT_EQ(networks.size(), 6U);
  EXPECT_TRUE((networks[0] == StudyNetwork{5, 8}));
  EXPECT_TRUE((networks[2] == StudyNetwork{5, 10}));
  EXPECT_TRUE((networks[3] == StudyNetwork{6, 8}));
}

TEST_F(Stage, LayersFollowTheDataUnlessGiven) {
  StagedSweep staged = stage(sweep, dataset);
  EXPECT_EQ(staged.inputs(), 1U);
  EXPECT_EQ(staged.outputs(), 3U);
  sweep.network.layers = {1, 5};
  EXPECT_EQ(stage(sweep, dataset).outputs(), 5U);
}

TEST_F(Stage, RefusesLayersThatDoNotFitTheData) {
  sweep.network.layers = {2, 3};
  EXPECT_EQ(refusal(), "network.layers = [2, 3]: small has 1 input a sample");
  sweep.network.layers = {1, 2};
  EXPECT_EQ(refusal(), "network.layers = [1, 2]: small has 3 classes, expected 2 at most");
}

TEST_F(Stage, RefusesNumbersThatDoNotFit64Bits) {
  sweep.init.std = 1e22;
  EXPECT_NE(refusal().find("does not fit 64 bits"), std::string::npos);
  sweep.init.std = 500;
  dataset.values = std::vector<double>{1, 2, -1e16, 4, 5, 6};
  EXPECT_EQ(refusal(),
            "dataset.scale = 1: an input of magnitude 1e+16 at fraction 10 does not fit "
            "64 bits");
  dataset.scale = 1e10;
  EXPECT_EQ(stage(sweep, dataset).inputs(), 1U);
}

TEST_F(Stage, NetworksOfBinary64NeedNoRoomInWords) {
  sweep.init.std = 1e22;
  dataset.values = std::vector<double>{1, 2, -1e300, 4, 5, 6};
  NetworkSpec network = networks_of(sweep, units_of(dataset)).front();
  EXPECT_THROW(Stager(dataset).check(network), RequestError);
  network.arithmetic = Arithmetic::binary64;
  EXPECT_NO_THROW(Stager(dataset).check(network));
  EXPECT_FALSE(Stager(dataset).stage({network}, {true, false}).keep_weights)
      << "they are no integers";
  dataset.scale = 1e-10;
  EXPECT_EQ(message_of<RequestError>([&] { Stager(dataset).check(network); }),
            "dataset.scale = 1e-10: an input is too large for binary64");
  dataset.scale = 1;
  network.units.back() = 2;
  EXPECT_THROW(Stager(dataset).check(network), RequestError) << "the label 2";
}

TEST_F(Stage, HoldsTheTestSplitOut) {
  EXPECT_TRUE(stage(sweep, dataset).held_out.empty()) << "trained on";
  sweep.train.samples = TrainSamples::train;
  EXPECT_EQ(stage(sweep, dataset).order, (Order{1, 3, 2, 0}));
  EXPECT_EQ(stage(sweep, dataset).held_out, (Order{5, 4}));
  sweep.dataset.order = SampleOrder::as_stored;
  sweep.train.draw_order = DrawOrder::shuffle_then_weights;
  EXPECT_EQ(stage(sweep, dataset).order, LegacyRandom(sweep.train.seed).permutation(4));
  EXPECT_EQ(stage(sweep, dataset).held_out, (Order{4, 5}));
}

TEST_F(Stage, DrawsATestSplitBeforeAllElse) {
  dataset.train_samples = 6;
  sweep.dataset.test = 0.4;  // 2.4 samples
  sweep.train.samples = TrainSamples::train;
  sweep.train.draw_order = DrawOrder::shuffle_then_weights;
  LegacyRandom random(sweep.train.seed);
  const auto drawn = random.permutation(6);
  Order train, test;
  for (const std::uint32_t label : {0U, 1U, 2U})
    for (std::uint32_t i = 0; i < 6; ++i)
      if (dataset.labels[i] == label) (i == drawn[0] || i == drawn[1] ? test : train).push_back(i);
  Order shuffled;
  for (const auto i : random.permutation(4)) shuffled.push_back(train[i]);
  const StagedSweep staged = stage(sweep, dataset);
  EXPECT_EQ(staged.order, shuffled);
  EXPECT_EQ(staged.held_out, test);
  EXPECT_EQ(staged.normals.front(), random.normal()) << "the same generator goes on";
}

TEST_F(Stage, RefusesTestSplitsThatCannotBe) {
  sweep.train.samples = TrainSamples::train;
  sweep.dataset.test = 0.5;
  EXPECT_EQ(refusal(), "dataset.test = 0.5: small has a test split of its own");
  dataset.train_samples = 6;
  sweep.dataset.test = 0.05;
  EXPECT_EQ(refusal(),
            "dataset.test = 0.05: that is 0 of 6 samples, expected one at least, and one to train "
            "on");
  sweep.dataset.test = 0.95;
  EXPECT_EQ(refusal(),
            "dataset.test = 0.95: that is 6 of 6 samples, expected one at least, and one to train "
            "on");
  sweep.dataset.test.reset();
  EXPECT_EQ(refusal(), "train.samples = \"train\": small has no test split, expected dataset.test");
}

TEST_F(Stage, DrawsNormalsLayerByLayer) {
  sweep.network.layers = {1, 4, 3};
  sweep.network.bias = true;
  sweep.init.std = 1e300;  // no weight is made of it here
  sweep.init.spread = WeightSpread::he;
  const auto normals = stage(sweep, dataset).normals;
  ASSERT_EQ(normals.size(), 16U) << "none for biases";
  LegacyRandom random(sweep.train.seed);
  for (const double normal : normals) EXPECT_EQ(normal, random.normal());
}

TEST_F(Stage, RefusesRealWeightsThatDoNotFit64Bits) {
  sweep.init.unit = WeightUnit::real;
  sweep.init.std = 1e15;  // at a fraction of 10 some 2^60
  EXPECT_NO_THROW(stage(sweep, dataset));
  sweep.axes[1].values = {8, 20};
  EXPECT_NE(refusal().find("does not fit 64 bits"), std::string::npos);
}

TEST_F(Stage, DrawsOnceForAllThatShareDraws) {
  const Stager stager(dataset);
  auto networks = networks_of(sweep, units_of(dataset));
  const StagedSweep first = stager.stage({networks[0]}, {});
  NetworkSpec other = networks[1];
  other.draws.seed = 7;
  other.init.std = 3.5;
  other.units = {1, 5};
  const StagedSweep second = stager.stage({other}, {});
  other.init.std = 77;  // of the same normals
  const StagedSweep again = stager.stage({networks[3]}, {});
  EXPECT_EQ(again.normals, first.normals);
  EXPECT_EQ(again.order, first.order);
  EXPECT_EQ(stager.stage({other}, {}).normals, second.normals);
  EXPECT_EQ(second.normals.size(), 5U);
  EXPECT_EQ(second.normals.front(), LegacyRandom(7).normal());
  for (std::uint32_t seed = 0; seed < 20; ++seed) {  // whatever is forgotten is drawn again
    other.draws.seed = seed;
    EXPECT_EQ(stager.stage({other}, {}).normals.front(), LegacyRandom(seed).normal());
  }
  EXPECT_EQ(stager.stage({networks[0]}, {}).normals, first.normals);
}

TEST_F(Stage, TellsMemoryWithoutDrawing) {
  const Stager stager(dataset);
  sweep.train.samples = TrainSamples::train;
  sweep.train.iterations = 12;
  const StagedSweep staged =
      stager.without_draws(networks_of(sweep, units_of(dataset)), {true, false});
  EXPECT_EQ(staged.held_out.size(), 2U);
  EXPECT_EQ(staged.iterations, 12U);
  EXPECT_TRUE(staged.keep_weights);
  EXPECT_TRUE(staged.normals.empty() && staged.order.empty());
}

}  // namespace
}  // namespace gridrun
