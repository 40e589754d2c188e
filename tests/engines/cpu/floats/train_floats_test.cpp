#include "engines/cpu/floats/train_floats.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "draws.hpp"
#include "engines/cpu/cpu_engine.hpp"
#include "engines/cpu/floats/float_engine.hpp"
#include "engines/float_word.hpp"
#include "engines/reference/reference_engine.hpp"
#include "gridrun/weights_digest.hpp"
#include "sanitizers.hpp"
#include "simd_targets.hpp"

namespace gridrun {
namespace {

/// A sweep and the data set that it points to.
struct FloatSweep {
  Dataset dataset;
  StagedSweep staged;
};

/// Inputs: bytes with zeros between, or reals of both signs, some of them zeros of both signs.
void make_dataset(RandomDraws& draw, std::size_t inputs, std::size_t outputs, Dataset& dataset) {
  dataset.samples = static_cast<std::size_t>(draw.number(1, 9));
  dataset.train_samples = dataset.samples;
  dataset.inputs = inputs;
  dataset.classes = static_cast<std::uint32_t>(outputs);
  const std::size_t count = dataset.samples * inputs;
  if (draw.chance(50)) {
    dataset.scale = 255;
    std::vector<std::uint8_t> bytes(count);
    for (auto& byte : bytes)
      if (draw.chance(40)) byte = static_cast<std::uint8_t>(draw.number(0, 255));
    dataset.values = bytes;
  } else {
    dataset.scale = draw.one_of({1.0, 3.0});
    std::vector<double> reals(count);
    for (double& real : reals) real = draw.chance(60) ? draw.real(-4, 4) : draw.one_of({0.0, -0.0});
    dataset.values = reals;
  }
  for (std::size_t i = 0; i < dataset.samples; ++i)
    dataset.labels.push_back(
        static_cast<std::uint32_t>(draw.between(0, static_cast<std::int64_t>(outputs) - 1)));
}

/// Networks of the same layers, each with its own activations, bias, batch, learning rate and
/// weights; some of them diverge.
void make_sweep(std::uint32_t seed, FloatSweep& sweep) {
  RandomDraws draw(seed);
  StagedSweep& staged = sweep.staged;
  const int most_units = draw.one_of({3, 9, 40, 150});
  std::vector<std::uint32_t> units(static_cast<std::size_t>(draw.number(2, 5)));
  for (auto& count : units) count = static_cast<std::uint32_t>(draw.number(1, most_units));
  make_dataset(draw, units.front(), units.back(), sweep.dataset);
  staged.dataset = &sweep.dataset;
  for (std::uint32_t i = 0; i < sweep.dataset.samples; ++i) staged.order.push_back(i);
  if (draw.chance(50))
    staged.held_out.resize(static_cast<std::size_t>(draw.number(1, 300)),
                           static_cast<std::uint32_t>(sweep.dataset.samples - 1));
  staged.iterations = most_units == 150 ? 330 : 660;
  for (int i = 0; i < 4; ++i) {
    NetworkSpec spec;
    spec.arithmetic = Arithmetic::binary64;
    spec.units = units;
    spec.iterations = staged.iterations;
    spec.activation = static_cast<Activation>(draw.number(0, 2));
    spec.output_activation = static_cast<Activation>(draw.number(0, 2));
    spec.leak = draw.number(0, 62);
    spec.bias = draw.chance(50);
    spec.lr = draw.chance(50) ? draw.number(3, 9) : draw.number(-16, 62);
    spec.batch = static_cast<std::uint32_t>(draw.one_of({1, 1, 2, 5, 33, 110, 165, 330}));
    spec.init.unit = draw.one_of({WeightUnit::real, WeightUnit::lsb});
    spec.formats.master.fraction = draw.number(0, 12);
    spec.init.std = draw.one_of({0.1, 1.0, 30.0, draw.chance(20) ? 1e160 : 0.5});
    staged.networks.push_back(spec);
  }
  std::size_t weights = 0;
  for (std::size_t layer = 0; layer + 1 < units.size(); ++layer)
    weights += std::size_t{units[layer]} * units[layer + 1];
  for (std::size_t i = 0; i < weights; ++i) staged.normals.push_back(draw.real(-2, 2));
}

TEST(TrainFloats, ReturnsWhatTheReferenceReturns) {
  for (std::uint32_t seed = 0; seed < random_rounds(60); ++seed) {
    FloatSweep sweep;
    make_sweep(seed, sweep);
    Progress reference_progress;
    const Outcomes expected = ReferenceEngine(1).train(sweep.staged, reference_progress);
    for (const std::int64_t target : simd_targets()) {
      const OnlyTarget only(target);
      Progress progress;
      const Outcomes outcomes = CpuEngine(1 + seed % 3).train(sweep.staged, progress);
      for (std::size_t n = 0; n < expected.size(); ++n)
        EXPECT_TRUE(outcomes[n] == expected[n])
            << "seed " << seed << ", network " << n << ", " << hwy::TargetName(target);
      EXPECT_EQ(progress.done(), reference_progress.done());
    }
  }
}

/// Of one layer and one unit, by hand.
class OneWeight : public ::testing::Test {
 protected:
  OneWeight() {
    sweep.dataset.samples = sweep.dataset.train_samples = sweep.dataset.inputs = 1;
    sweep.dataset.classes = 1;
    sweep.dataset.values = std::vector<double>{3.0};
    sweep.dataset.labels = {0};
    sweep.staged.dataset = &sweep.dataset;
    sweep.staged.order = {0};
    sweep.staged.normals = {0.1};
    sweep.staged.iterations = 1;
    sweep.staged.networks.resize(1);
    NetworkSpec& spec = sweep.staged.networks[0];
    spec.arithmetic = Arithmetic::binary64;
    spec.units = {1, 1};
    spec.iterations = 1;
    spec.init = {WeightUnit::real, 0.0, WeightSpread::std, 1.0};
    spec.lr = 2;
    spec.output_activation = Activation::linear;
  }

  std::uint64_t digest() {
    Progress progress;
    const Outcomes of_cpu = CpuEngine(1).train(sweep.staged, progress);
    EXPECT_TRUE(ReferenceEngine(1).train(sweep.staged, progress) == of_cpu);
    EXPECT_TRUE(FloatEngine(1).train(sweep.staged, progress) == of_cpu);
    return of_cpu[0].weights_digest;
  }

  FloatSweep sweep;
};

TEST_F(OneWeight, IsUpdatedByTheErrorTimesTheInput) {
  const double product = (1.0 - 0.1 * 3.0) * 3.0;
  EXPECT_EQ(digest(), weight_digest(word_of(0.1 + 0.25 * product), 0));
}

/// Of two weights whose products are 0 together: a fused multiply-add would leave what the first
/// one's rounding added, and the unit would be active.
TEST_F(OneWeight, RoundsEachProductBeforeItAdds) {
  ASSERT_GT(std::fma(-0.1, 3.0, 0.1 * 3.0), 0.0);
  sweep.dataset.inputs = 2;
  sweep.dataset.values = std::vector<double>{3.0, 3.0};
  sweep.staged.normals = {0.1, -0.1};
  sweep.staged.networks[0].units = {2, 1};
  sweep.staged.networks[0].output_activation = Activation::relu;
  EXPECT_EQ(digest(), weight_digest(word_of(0.1), 0) + weight_digest(word_of(-0.1), 1));
}

TEST_F(OneWeight, IsOneNotANumber) {
  sweep.staged.networks[0].init.std = 1e308;
  sweep.staged.networks[0].lr = -16;
  sweep.staged.iterations = sweep.staged.networks[0].iterations = 9;
  EXPECT_EQ(digest(), weight_digest(0x7FF8000000000000, 0));
}

TEST(TrainFloats, StopsSoon) {
  FloatSweep sweep;
  make_sweep(1, sweep);
  Progress progress;
  progress.stop();
  EXPECT_THROW(CpuEngine(2).train(sweep.staged, progress), Interrupted);
  EXPECT_THROW(ReferenceEngine(2).train(sweep.staged, progress), Interrupted);
  Progress later;
  std::atomic<int> taken = 0;
  EXPECT_THROW(CpuEngine(1).train(sweep.staged, later,
                                  [&](std::size_t, Outcome) {
                                    ++taken;
                                    later.stop();
                                  }),
               Interrupted);
  EXPECT_EQ(taken, 1);
}

TEST(TrainFloats, AnEngineForThemAloneLeavesTheOthers) {
  NetworkSpec spec;
  EXPECT_NE(FloatEngine(1).why_not(spec), "");
  spec.arithmetic = Arithmetic::binary64;
  EXPECT_EQ(FloatEngine(1).why_not(spec), "");
  EXPECT_EQ(CpuEngine(1).why_not(spec), "");
  EXPECT_EQ(FloatEngine(3).device(), CpuEngine(3).device());
}

/// How many steps two networks were not equally right at.
std::uint64_t differing(const Bits& a, const Bits& b) {
  std::uint64_t count = 0;
  for (std::size_t word = 0; word < a.words.size(); ++word)
    count += static_cast<unsigned>(std::popcount(a.words[word] ^ b.words[word]));
  return count;
}

/// The longer the words, the nearer a network is to the one of binary64: both definitions train the
/// same thing.
TEST(TrainFloats, WideWordsApproachThem) {
  RandomDraws draw(5);
  FloatSweep sweep;
  StagedSweep& staged = sweep.staged;
  const std::vector<std::uint32_t> units = {20, 15, 12, 6};
  make_dataset(draw, units.front(), units.back(), sweep.dataset);
  staged.dataset = &sweep.dataset;
  for (std::uint32_t i = 0; i < sweep.dataset.samples; ++i) staged.order.push_back(i);
  staged.iterations = 3000;
  for (int i = 0; i < 20 * 15 + 15 * 12 + 12 * 6; ++i) staged.normals.push_back(draw.real(-1, 1));
  NetworkSpec spec;
  spec.units = units;
  spec.iterations = staged.iterations;
  spec.activation = Activation::leaky_relu;
  spec.output_activation = Activation::linear;
  spec.leak = 3;
  spec.bias = true;
  spec.batch = 5;
  spec.lr = 6;
  spec.init = {WeightUnit::real, 0.0, WeightSpread::he, 0.0};
  for (const int fraction : {4, 26}) {
    spec.formats.accumulator.fraction = 0;
    for (Format* format : {&spec.formats.input, &spec.formats.master, &spec.formats.weight,
                           &spec.formats.activation, &spec.formats.error, &spec.formats.gradient}) {
      format->fraction = fraction;
      format->round = Round::nearest_even;
    }
    staged.networks.push_back(spec);
  }
  Progress progress;
  const Outcomes fixed = CpuEngine(1).train(staged, progress);
  spec.arithmetic = Arithmetic::binary64;
  staged.networks = {spec};
  const Bits right = CpuEngine(1).train(staged, progress)[0].right;
  EXPECT_GT(right.count(), 0U);
  EXPECT_GT(differing(fixed[0].right, right), 100U) << "words of 4 places are another network";
  EXPECT_LE(differing(fixed[1].right, right), 3U);
}

}  // namespace
}  // namespace gridrun
