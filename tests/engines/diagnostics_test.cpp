// Diagnostics by numbers that were worked out by hand, and what they are for: the bits that are
// needed.
#include "gridrun/diagnostics.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "gridrun/tensor_formats.hpp"
#include "random_network.hpp"
#include "simd_targets.hpp"
#include "test_sweep.hpp"

namespace gridrun {
namespace {

/// Words without a fraction, in every tensor but for sums.
NetworkSpec network_of(std::vector<std::uint32_t> units, int bits, Overflow overflow) {
  NetworkSpec spec;
  spec.units = std::move(units);
  spec.output_activation = Activation::linear;
  spec.init.std = 1;
  const Format format{bits, 0, Round::floor, overflow};
  Format input = format;
  input.round = Round::nearest_even;
  spec.formats = {input, format, format, Format{}, format, format, format};
  return spec;
}

/// Samples of one input, all of label 0, each trained on once.
std::vector<LayerDiagnostics> diagnostics_of(const NetworkSpec& spec, std::vector<double> inputs,
                                             std::vector<double> weights, std::uint32_t steps = 0) {
  Dataset dataset;
  dataset.samples = dataset.train_samples = inputs.size();
  dataset.inputs = dataset.classes = 1;
  dataset.labels.resize(inputs.size());
  StagedSweep sweep;
  for (std::uint32_t i = 0; i < inputs.size(); ++i) sweep.order.push_back(i);
  sweep.iterations = steps == 0 ? static_cast<std::uint32_t>(inputs.size()) : steps;
  dataset.values = std::move(inputs);
  sweep.dataset = &dataset;
  sweep.normals = std::move(weights);
  sweep.networks = {spec};
  sweep.diagnose = true;
  Progress progress;
  const Outcomes outcomes = ReferenceEngine(1).train(sweep, progress);
  for (const std::int64_t target : simd_targets()) {
    const OnlyTarget only(target);
    EXPECT_TRUE(CpuEngine(1).train(sweep, progress) == outcomes) << hwy::TargetName(target);
  }
  return outcomes.front().diagnostics;
}

#define EXPECT_TENSOR(layer, which, expected_overflowed, expected_bits)   \
  EXPECT_EQ((layer).of(Tensor::which).overflowed, (expected_overflowed)); \
  EXPECT_EQ((layer).of(Tensor::which).bits, (expected_bits))

TEST(Diagnostics, WordsThatSaturate) {
  const NetworkSpec spec = [] {
    NetworkSpec of = network_of({1, 1}, 4, Overflow::saturate);  // words -8 ... 7
    of.lr = 1;
    return of;
  }();
  const LayerDiagnostics layer = diagnostics_of(spec, {5, 5}, {9}).front();
  EXPECT_TENSOR(layer, input, 0U, 4);
  EXPECT_TENSOR(layer, master, 1U, 5);       // 9 at the start, for which 7 stands; then 3 and -1
  EXPECT_TENSOR(layer, weight, 0U, 1);       // there are no copies
  EXPECT_TENSOR(layer, accumulator, 0U, 7);  // 35 and 15
  EXPECT_TENSOR(layer, activation, 2U, 7);   // both are too large; the target 1 is not
  EXPECT_TENSOR(layer, error, 0U, 4);        // 1 - 7, twice
  EXPECT_TENSOR(layer, gradient, 2U, 6);     // -6 * 5, twice
  EXPECT_EQ(layer.updates, 2U);
  EXPECT_EQ(layer.lost, 0U);
  EXPECT_EQ(layer.step, -8);  // -8 >> 1, twice
  EXPECT_EQ(layer.product, -60);
  EXPECT_EQ(layer.inactive, 0U);
}

TEST(Diagnostics, SymmetricSaturationOfTheMostNegative) {
  NetworkSpec spec = network_of({1, 1}, 8, Overflow::saturate);
  spec.formats.error.bits = 4;
  spec.formats.error.overflow = Overflow::saturate_symmetric;
  const LayerDiagnostics layer = diagnostics_of(spec, {1}, {9}).front();
  EXPECT_TENSOR(layer, error, 1U, 5);  // 1 - 9 = -8 becomes -7
  EXPECT_TENSOR(layer, gradient, 0U, 4);
  EXPECT_EQ(layer.product, -7);
  EXPECT_EQ(layer.step, -7);
}

TEST(Diagnostics, LeftShiftsBeyond64Bits) {
  NetworkSpec spec = network_of({1, 1}, 24, Overflow::saturate);
  spec.formats.gradient = {64, 52, Round::floor, Overflow::wrap};
  spec.lr = 11;
  const LayerDiagnostics wrapped = diagnostics_of(spec, {0x1p20}, {0}).front();
  EXPECT_TENSOR(wrapped, gradient, 1U, 74);  // 2^72
  EXPECT_EQ(wrapped.updates, 0U);            // of which 64 bits leave nothing
  EXPECT_EQ(wrapped.product, 1 << 20);
  EXPECT_EQ(wrapped.step, 0);

  spec.formats.gradient.overflow = Overflow::saturate;
  const LayerDiagnostics saturated = diagnostics_of(spec, {0x1p20}, {0}).front();
  EXPECT_TENSOR(saturated, gradient, 1U, 74);
  EXPECT_EQ(saturated.updates, 1U);
  EXPECT_EQ(saturated.lost, 1U);  // (2^63 - 1) >> 63
}

TEST(Diagnostics, LostUpdatesAreThePositiveOnesThatFloorRoundsAway) {
  for (const int bits : {16, 64}) {  // the second is the study's arithmetic
    NetworkSpec spec = network_of({1, 1}, bits, Overflow::wrap);
    for (Format* format : {&spec.formats.input, &spec.formats.master, &spec.formats.weight,
                           &spec.formats.activation, &spec.formats.error, &spec.formats.gradient})
      format->fraction = 4;
    spec.lr = 10;
    // a = 0 and then 2: d = 1 and -1, by x = 1/2.
    const LayerDiagnostics lost = diagnostics_of(spec, {0.5}, {0}).front();
    EXPECT_EQ(lost.updates, 1U);
    EXPECT_EQ(lost.lost, 1U);
    EXPECT_EQ(lost.step, 0);
    EXPECT_EQ(lost.product, 16 * 8);
    EXPECT_TENSOR(lost, gradient, 0U, 5);  // 8
    const LayerDiagnostics kept = diagnostics_of(spec, {0.5}, {64}).front();
    EXPECT_EQ(kept.updates, 1U);
    EXPECT_EQ(kept.lost, 0U);
    EXPECT_EQ(kept.step, -1);
    EXPECT_EQ(kept.product, -16 * 8);
    EXPECT_TENSOR(kept, gradient, 0U, 4);      // -8
    EXPECT_TENSOR(kept, master, 0U, 8);        // 64 and 63
    EXPECT_TENSOR(kept, accumulator, 0U, 11);  // 64 * 8
    EXPECT_TENSOR(kept, activation, 0U, 7);    // 32
  }
}

TEST(Diagnostics, InactiveSamplesInARowUpToTheEnd) {
  for (const int bits : {16, 64}) {
    NetworkSpec spec = network_of({1, 1}, bits, Overflow::wrap);
    for (Format* format : {&spec.formats.input, &spec.formats.master, &spec.formats.weight,
                           &spec.formats.activation, &spec.formats.error, &spec.formats.gradient})
      format->fraction = 4;
    spec.output_activation = Activation::relu;
    const auto layer_after = [&](std::uint32_t steps) {
      return diagnostics_of(spec, {-1, 1, -1, -1}, {16}, steps).front();
    };
    EXPECT_EQ(layer_after(1).inactive, 1U);
    EXPECT_EQ(layer_after(1).last_inactive, 1U);
    EXPECT_EQ(layer_after(2).last_inactive, 0U);
    EXPECT_EQ(layer_after(4).inactive, 3U);
    EXPECT_EQ(layer_after(4).last_inactive, 2U);
    EXPECT_EQ(layer_after(6).inactive, 4U);
    EXPECT_EQ(layer_after(6).last_inactive, 0U);
    EXPECT_EQ(layer_after(6).updates, 0U);  // a is the target, or 0
  }
}

TEST(Diagnostics, AccumulatorsOfAHiddenLayer) {
  NetworkSpec spec = network_of({1, 2, 1}, 16, Overflow::wrap);
  spec.formats.accumulator = {8, 0, Round::floor, Overflow::saturate};
  const auto layers = diagnostics_of(spec, {1}, {3, -5, 100, 50});
  // z is 3 and -5; s is 100 * -126. That of the second unit, 50 * -126, does not pass.
  EXPECT_TENSOR(layers[0], accumulator, 1U, 15);
  EXPECT_TENSOR(layers[0], activation, 0U, 3);
  EXPECT_TENSOR(layers[0], error, 0U, 8);  // -128
  EXPECT_EQ(layers[0].updates, 1U);
  EXPECT_EQ(layers[0].product, -128);
  EXPECT_TENSOR(layers[1], accumulator, 1U, 10);  // 300
  EXPECT_TENSOR(layers[1], error, 0U, 8);         // 1 - 127
  EXPECT_EQ(layers[1].updates, 1U);
  EXPECT_EQ(layers[1].product, -126 * 3);
  EXPECT_EQ(layers[0].inactive, 0U);
}

TEST(Diagnostics, OnesHaveBitsAndAreNotAmongThoseThatOverflow) {
  NetworkSpec spec = network_of({1, 1}, 8, Overflow::saturate);
  spec.formats.activation.fraction = 10;
  spec.formats.input.fraction = 9;
  spec.bias = true;
  const LayerDiagnostics layer = diagnostics_of(spec, {0}, {0}).front();
  EXPECT_TENSOR(layer, activation, 0U, 12);
  EXPECT_TENSOR(layer, input, 0U, 11);
}

/// The formats of a network with just the bits that it needed, where it had them. Adds how many
/// tensors there were.
NetworkSpec with_bits_needed(NetworkSpec spec, const std::vector<LayerDiagnostics>& layers,
                             std::size_t& made_short) {
  const bool has_copies = spec.formats.weight != spec.formats.master;
  const auto formats = in_order(spec.formats);
  for (std::size_t i = 0; i < tensor_count; ++i) {
    int bits = 2;
    for (const LayerDiagnostics& layer : layers) bits = std::max(bits, layer.tensor[i].bits);
    if (bits > formats[i]->bits) continue;  // what overflows has to do so as before
    made_short += bits < formats[i]->bits;
    formats[i]->bits = bits;
  }
  if (!has_copies) spec.formats.weight = spec.formats.master;
  return spec;
}

/// Expects that all networks end as they did, in words of the bits that they needed.
void expect_bits_are_enough(StagedSweep sweep, const std::string& description,
                            std::size_t& made_short) {
  sweep.diagnose = sweep.keep_weights = true;
  sweep.held_out.clear();  // other values may have come there
  Progress progress;
  Outcomes before = ReferenceEngine(1).train(sweep, progress);
  for (std::size_t n = 0; n < before.size(); ++n)
    sweep.networks[n] = with_bits_needed(sweep.networks[n], before[n].diagnostics, made_short);
  Outcomes after = CpuEngine(1).train(sweep, progress);
  for (Outcomes* outcomes : {&before, &after})
    for (Outcome& outcome : *outcomes)
      for (LayerDiagnostics& layer : outcome.diagnostics)
        layer.of(Tensor::weight) = {};  // there are none where the formats have become the same
  for (std::size_t n = 0; n < before.size(); ++n)
    EXPECT_TRUE(before[n] == after[n]) << description << ", network " << n;
}

TEST(Diagnostics, TheBitsThatWereNeededAreEnough) {
  std::size_t made_short = 0;
  for (const RandomBits bits : {RandomBits{8, 16}, {2, 24}, {20, 40}, {2, 64}})
    for (std::uint32_t seed = 100; seed < 160; ++seed) {
      const RandomNetworks sweep = random_networks(seed, bits);
      expect_bits_are_enough(sweep.staged, sweep.description, made_short);
      if (HasFailure()) return;
    }
  EXPECT_GT(made_short, 2000U);
}

TEST(Diagnostics, TheBitsThatAStudyNeedsAreEnough) {
  std::size_t made_short = 0;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const TestSweep sweep = random_sweep(seed);
    expect_bits_are_enough(sweep.staged(), sweep.description, made_short);
    if (HasFailure()) return;
  }
  EXPECT_GT(made_short, 2000U);
}

TEST(Diagnostics, OneBitLessIsTooFew) {
  std::size_t fewer = 0, told = 0;
  for (std::uint32_t seed = 200; seed < 230; ++seed) {
    RandomNetworks sweep = random_networks(seed, {8, 24});
    sweep.staged.diagnose = true;
    Progress progress;
    const Outcomes before = ReferenceEngine(1).train(sweep.staged, progress);
    for (std::size_t n = 0; n < before.size(); ++n) {
      int bits = 1;
      for (const LayerDiagnostics& layer : before[n].diagnostics)
        bits = std::max(bits, layer.of(Tensor::gradient).bits);
      Format& gradient = sweep.staged.networks[n].formats.gradient;
      if (bits > 2 && bits <= gradient.bits) gradient.bits = bits - 1;
    }
    const Outcomes after = ReferenceEngine(1).train(sweep.staged, progress);
    for (std::size_t n = 0; n < before.size(); ++n) {
      std::uint64_t overflowed_before = 0, overflowed = 0;
      for (const LayerDiagnostics& layer : before[n].diagnostics)
        overflowed_before += layer.of(Tensor::gradient).overflowed;
      for (const LayerDiagnostics& layer : after[n].diagnostics)
        overflowed += layer.of(Tensor::gradient).overflowed;
      if (overflowed_before != 0) continue;
      ++fewer;
      told += overflowed != 0;
    }
  }
  EXPECT_GT(fewer, 50U);
  EXPECT_GT(told, fewer / 2);  // the others needed two bits
}

TEST(Diagnostics, WithoutThemOutcomesAreTheSame) {
  for (std::uint32_t seed = 300; seed < 320; ++seed) {
    RandomNetworks sweep = random_networks(seed, {8, 24});
    Progress progress;
    Outcomes plain = CpuEngine(2).train(sweep.staged, progress);
    sweep.staged.diagnose = true;
    Outcomes diagnosed = CpuEngine(2).train(sweep.staged, progress);
    for (Outcome& outcome : plain) EXPECT_TRUE(outcome.diagnostics.empty());
    for (Outcome& outcome : diagnosed) {
      EXPECT_EQ(outcome.diagnostics.size(), outcome.layers.size());
      outcome.diagnostics.clear();
    }
    EXPECT_TRUE(plain == diagnosed) << sweep.description;
  }
}

}  // namespace
}  // namespace gridrun
