#include "staging/identity.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

namespace gridrun {
namespace {

/// A network in which no two numbers are the same.
NetworkSpec some_network() {
  NetworkSpec network;
  network.units = {64, 30, 10};
  network.activation = Activation::leaky_relu;
  network.output_activation = Activation::linear;
  network.leak = 3;
  network.bias = true;
  network.formats = {{8, 7, Round::nearest_even, Overflow::saturate, 31},
                     {16, 12, Round::stochastic, Overflow::wrap, 9},
                     {11, 6, Round::nearest_up, Overflow::saturate_symmetric, 30},
                     {40, 0, Round::floor, Overflow::saturate, 32},
                     {13, 5, Round::toward_zero, Overflow::saturate, 29},
                     {14, 4, Round::nearest_down, Overflow::saturate, 28},
                     {15, 2, Round::nearest_away, Overflow::saturate, 27}};
  network.init = {WeightUnit::real, -1.5, WeightSpread::xavier, 0.125};
  network.lr = -2;
  network.batch = 20;
  network.rounding_seed = 77;
  network.iterations = 10'000;
  network.draws = {0xdeadbeec, DrawOrder::weights_then_shuffle, SampleOrder::as_stored,
                   TrainSamples::train, 0.25};
  return network;
}

const Identity some_data{0x0123456789abcdef, 0xfedcba9876543210};

Dataset some_dataset() {
  Dataset dataset;
  dataset.name = "csv";
  dataset.samples = 3;
  dataset.inputs = 2;
  dataset.train_samples = 2;
  dataset.scale = 4.0;
  dataset.values = std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6};
  dataset.labels = {0, 2, 1};
  dataset.classes = 3;
  return dataset;
}

// Stores on people's disks hold these: where one of them changes, what was computed before is lost.
TEST(Identity, NeverChanges) {
  EXPECT_EQ(text_of(identity_of(NetworkSpec{}, {})), "315d3359cd81e0b8624a917b7bab0d60");
  EXPECT_EQ(text_of(identity_of(some_network(), some_data)), "ca84d5d152067e8edd6e9ff8dd36b459");
  EXPECT_EQ(text_of(identity_of(some_dataset())), "a82165467fee7886b3481d4f83a63915");
  EXPECT_EQ(identity_of(some_dataset(), Normalise::none), identity_of(some_dataset()));
  EXPECT_EQ(text_of(identity_of(some_dataset(), Normalise::minmax)),
            "e050bd23e725f1a7066cdbb4f8a56549");
  EXPECT_EQ(text_of(identity_of(some_dataset(), Normalise::standard)),
            "c466cc4cb5a9a2a0a9896c45875aff65");
  Dataset reals = some_dataset();
  reals.values = std::vector<double>{0.5, -1, 2, 3, 4, 1e300};
  EXPECT_EQ(text_of(identity_of(reals)), "49ae9f7c505c9321741255a885fe3fb4");
}

using Changes = std::vector<std::function<void(NetworkSpec&)>>;

/// Expects that each change makes another network of this one, and of some_network().
void expect_each_to_differ(const Changes& changes, const NetworkSpec& of = some_network()) {
  std::set<Identity> seen = {identity_of(some_network(), some_data), identity_of(of, some_data)};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    NetworkSpec network = of;
    changes[i](network);
    EXPECT_TRUE(seen.insert(identity_of(network, some_data)).second) << "change " << i;
  }
}

/// What makes another network in whatever arithmetic.
Changes changes_of_any_network() {
  return {
      [](auto& of) { of.units[1] = 31; },
      [](auto& of) { of.activation = Activation::relu; },
      [](auto& of) { of.output_activation = Activation::relu; },
      [](auto& of) { of.leak = 4; },
      [](auto& of) { of.bias = false; },
      [](auto& of) { of.init.unit = WeightUnit::lsb; },
      [](auto& of) { of.init.mean = 1.5; },
      [](auto& of) { of.init.spread = WeightSpread::he; },
      [](auto& of) { of.init.std = 0.25; },
      [](auto& of) { of.lr = 2; },
      [](auto& of) { of.batch = 10; },
      [](auto& of) { of.iterations = 20'000; },
      [](auto& of) { of.draws.seed = 1; },
  };
}

TEST(Identity, IsOfEveryFieldOfANetwork) {
  // Whoever adds a field is to add a change of it.
  [[maybe_unused]] const auto& [arithmetic, units, activation, output_activation, leak, bias,
                                formats, init, lr, batch, rounding_seed, iterations, draws] =
      some_network();
  [[maybe_unused]] const auto& [unit, mean, spread, std] = init;
  [[maybe_unused]] const auto& [seed, order, samples_order, samples, test] = draws;
  Changes changes = {
      [](auto& of) { of.arithmetic = Arithmetic::binary64; },
      [](auto& of) { of.units[0] = 65; },
      [](auto& of) { of.units[2] = 11; },
      [](auto& of) { of.units.pop_back(); },
      [](auto& of) { of.units.push_back(10); },
      [](auto& of) { of.rounding_seed = 78; },
      [](auto& of) { of.draws.order = DrawOrder::weights; },
      [](auto& of) { of.draws.samples_order = SampleOrder::by_label; },
      [](auto& of) { of.draws.samples = TrainSamples::all; },
      [](auto& of) { of.draws.test = 0.125; },
      [](auto& of) { of.draws.test.reset(); },
  };
  for (const auto& change : changes_of_any_network()) changes.push_back(change);
  expect_each_to_differ(changes);
}

TEST(Identity, IsOfEveryFieldOfEveryFormat) {
  [[maybe_unused]] const auto& [input, master, weight, accumulator, activation, error, gradient] =
      some_network().formats;
  [[maybe_unused]] const auto& [bits, fraction, round, overflow, random_bits] = input;
  Changes changes;
  for (const auto tensor : {&TensorFormats::input, &TensorFormats::master, &TensorFormats::weight,
                            &TensorFormats::accumulator, &TensorFormats::activation,
                            &TensorFormats::error, &TensorFormats::gradient}) {
    changes.push_back([=](auto& of) { (of.formats.*tensor).bits = 17; });
    changes.push_back([=](auto& of) { (of.formats.*tensor).fraction = 1; });
    changes.push_back([=](auto& of) {
      Round& rounds = (of.formats.*tensor).round;
      rounds = rounds == Round::floor ? Round::nearest_up : Round::floor;
    });
    changes.push_back([=](auto& of) {
      Overflow& flows = (of.formats.*tensor).overflow;
      flows = flows == Overflow::wrap ? Overflow::saturate : Overflow::wrap;
    });
    changes.push_back([=](auto& of) { (of.formats.*tensor).random_bits = 3; });
  }
  expect_each_to_differ(changes);
}

NetworkSpec some_float_network() {
  NetworkSpec network = some_network();
  network.arithmetic = Arithmetic::binary64;
  return network;
}

TEST(Identity, OfBinary64NeverChanges) {
  EXPECT_EQ(text_of(identity_of(some_float_network(), some_data)),
            "08e3df38e0da530a150d0b19f2851c67");
}

TEST(Identity, OfBinary64IsOfWhatMatters) {
  expect_each_to_differ(changes_of_any_network(), some_float_network());
  NetworkSpec same = some_float_network();
  same.rounding_seed = 1;
  same.formats = {};
  same.formats.master.fraction = 3;
  EXPECT_EQ(identity_of(same, some_data), identity_of(some_float_network(), some_data));
}

TEST(Identity, OfBinary64IsOfTheFractionThatItsWeightsAreUnitsOf) {
  const auto fraction_matters = [](const InitialWeights& init) {
    NetworkSpec network = some_float_network();
    network.init = init;
    const Identity before = identity_of(network, some_data);
    ++network.formats.master.fraction;
    const bool differs = identity_of(network, some_data) != before;
    EXPECT_EQ(differs, uses_fraction(init));
    return differs;
  };
  EXPECT_TRUE(fraction_matters({WeightUnit::lsb, 0.0, WeightSpread::std, 500.0}));
  EXPECT_TRUE(fraction_matters({WeightUnit::lsb, 1.0, WeightSpread::std, 0.0}));
  EXPECT_TRUE(fraction_matters({WeightUnit::lsb, 0.0, WeightSpread::he, 0.0}));
  EXPECT_FALSE(fraction_matters({WeightUnit::lsb, 0.0, WeightSpread::std, 0.0}));
  EXPECT_FALSE(fraction_matters({WeightUnit::real, 1.0, WeightSpread::std, 500.0}));
}

TEST(Identity, IsOfTheData) {
  EXPECT_NE(identity_of(some_network(), some_data), identity_of(some_network(), {}));
  EXPECT_NE(identity_of(some_network(), some_data),
            identity_of(some_network(), {some_data.low, some_data.high}));
}

TEST(Identity, OfDataIsOfSamplesLabelsSplitAndScale) {
  const std::vector<std::function<void(Dataset&)>> changes = {
      [](auto& of) { std::get<0>(of.values)[5] = 7; },
      [](auto& of) { of.values = std::vector<double>{1, 2, 3, 4, 5, 6}; },
      [](auto& of) { of.labels[1] = 1; },
      [](auto& of) { of.train_samples = 3; },
      [](auto& of) { of.scale = 2.0; },
      [](auto& of) {
        of.samples = 2;
        of.inputs = 3;
        of.labels.pop_back();
      },
  };
  std::set<Identity> seen = {identity_of(some_dataset())};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Dataset dataset = some_dataset();
    changes[i](dataset);
    EXPECT_TRUE(seen.insert(identity_of(dataset)).second) << "change " << i;
  }
}

TEST(Identity, OfDataIsNotOfTheirName) {
  Dataset dataset = some_dataset();
  dataset.name = "idx";
  EXPECT_EQ(identity_of(dataset), identity_of(some_dataset()));
}

TEST(Identity, IsReadBackFromItsText) {
  EXPECT_EQ(text_of(some_data), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(text_of({0, 1}), "00000000000000000000000000000001");
  EXPECT_EQ(identity_of_text(text_of(some_data)), some_data);
  for (const char* text :
       {"", "0", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100",
        "0123456789abcdeg0123456789abcdef", "-123456789abcdef0123456789abcdef",
        "0123456789abcdef 123456789abcdef", "0x23456789abcdef0123456789abcdef"})
    EXPECT_EQ(identity_of_text(text), std::nullopt) << text;
}

TEST(Identity, OfStagingIsOfDrawsLayersIterationsAndArithmetic) {
  const NetworkSpec network = some_network();
  NetworkSpec other = network;
  other.lr = 9;
  other.formats.weight.bits = 5;
  other.init.std = 7;
  other.rounding_seed = 1;
  other.activation = Activation::relu;
  other.batch = 5;
  other.bias = false;
  EXPECT_EQ(staging_hash(other), staging_hash(network));
  std::set<std::uint64_t> seen = {staging_hash(network)};
  const std::vector<std::function<void(NetworkSpec&)>> changes = {
      [](auto& of) { of.arithmetic = Arithmetic::binary64; },
      [](auto& of) { of.units[1] = 31; },
      [](auto& of) { of.iterations = 20'000; },
      [](auto& of) { of.draws.seed = 1; },
      [](auto& of) { of.draws.order = DrawOrder::weights; },
      [](auto& of) { of.draws.samples_order = SampleOrder::by_label; },
      [](auto& of) { of.draws.samples = TrainSamples::all; },
      [](auto& of) { of.draws.test = 0.5; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    NetworkSpec changed = network;
    changes[i](changed);
    EXPECT_TRUE(seen.insert(staging_hash(changed)).second) << "change " << i;
  }
}

}  // namespace
}  // namespace gridrun
