#include "results/label.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace gridrun {
namespace {

/// One layer of 4 inputs and 3 units in words of 16 bits, fraction 8, 1,000 steps, lr 3.
NetworkSpec network(Overflow overflow = Overflow::wrap) {
  NetworkSpec network;
  network.units = {4, 3};
  network.lr = 3;
  network.iterations = 1000;
  TensorFormats& formats = network.formats;
  for (Format* format : {&formats.input, &formats.master, &formats.weight, &formats.activation,
                         &formats.error, &formats.gradient})
    *format = {16, 8, Round::floor, overflow, 32};
  return network;
}

/// Of a network that nothing is wrong with.
LayerDiagnostics counts() {
  LayerDiagnostics counts;
  counts.updates = 10'000;
  counts.lost = 1000;
  counts.inactive = 10;
  return counts;
}

constexpr std::uint32_t window = 101;

Label cause(const NetworkSpec& network, const LayerDiagnostics& counts,
            std::uint64_t abs_update = 80'000) {
  LayerSums sums;
  sums.abs_update = abs_update;
  return cause_of(network, {sums}, {counts}, window);
}

TEST(Label, IsOfTheFirstRuleThatHolds) {
  LayerDiagnostics of = counts();
  EXPECT_EQ(cause(network(), of), Label::undertrained);
  of.last_inactive = window - 1;
  EXPECT_EQ(cause(network(), of), Label::undertrained);
  of.last_inactive = window;
  EXPECT_EQ(cause(network(), of), Label::dead);
  of.step = -5000;  // of all updates 80,000 / 2^3 = 10,000
  EXPECT_EQ(cause(network(), of), Label::drifting);
  of.lost = 9000;
  EXPECT_EQ(cause(network(), of), Label::frozen);
  of.of(Tensor::activation).bits = 17;
  of.of(Tensor::activation).overflowed = 30;
  EXPECT_EQ(cause(network(), of), Label::diverged);
  EXPECT_EQ(cause(network(Overflow::saturate), of), Label::saturated) << "30 of 3,000";
}

TEST(Label, TellsEachRulesThreshold) {
  LayerDiagnostics of = counts();
  of.inactive = 499;
  EXPECT_EQ(cause(network(), of), Label::undertrained);
  of.inactive = 500;
  EXPECT_EQ(cause(network(), of), Label::dead);
  of = counts();
  of.step = -4999;
  EXPECT_EQ(cause(network(), of), Label::undertrained);
  of = counts();
  of.lost = 8999;
  EXPECT_EQ(cause(network(), of), Label::undertrained);
  of = counts();
  of.of(Tensor::activation) = {29, 17};
  EXPECT_EQ(cause(network(Overflow::saturate), of), Label::undertrained);
  of = counts();
  of.of(Tensor::master) = {100, 17};  // of 10,000 updates
  EXPECT_EQ(cause(network(Overflow::saturate), of), Label::saturated);
}

TEST(Label, TakesLossAtRandomForNone) {
  NetworkSpec at_random = network();
  at_random.formats.master.round = Round::stochastic;
  LayerDiagnostics of = counts();
  of.lost = 9999;
  EXPECT_EQ(cause(network(), of), Label::frozen);
  EXPECT_EQ(cause(at_random, of), Label::undertrained);
}

TEST(Label, WithoutUpdatesIsFrozenUnlessDead) {
  LayerDiagnostics of;
  EXPECT_EQ(cause(network(), of, 0), Label::frozen);
  of.inactive = 1000;
  EXPECT_EQ(cause(network(), of, 0), Label::dead);
}

TEST(Label, TakesFullWordsOf64BitsForDiverged) {
  NetworkSpec wide = network();
  wide.formats.master.bits = 64;
  LayerDiagnostics of = counts();
  of.of(Tensor::master).bits = 63;
  EXPECT_EQ(cause(wide, of), Label::undertrained);
  of.of(Tensor::master).bits = 64;
  EXPECT_EQ(cause(wide, of), Label::diverged);
}

TEST(Label, DriftIsWhatStepsHaveMoreThanProducts) {
  LayerDiagnostics of;
  of.step = 10;
  of.product = 12 * 2048;  // scale 8 + 8, lr 3, master 8: 2^11 of P are one step
  EXPECT_EQ(rounding_drift(network(), 0, of), -2);
}

TEST(Label, SumsAreAtTheFractionOfProducts) {
  EXPECT_EQ(fractions_of(network(), 0), (std::array<int, tensor_count>{8, 8, 8, 16, 8, 8, 8}));
}

TEST(Label, HasALetterOfItsOwn) {
  std::string letters;
  for (std::size_t label = 0; label < label_count; ++label) {
    const char letter = letter_of(static_cast<Label>(label));
    EXPECT_EQ(letters.find(letter), std::string::npos) << letter;
    letters += letter;
  }
}

}  // namespace
}  // namespace gridrun
