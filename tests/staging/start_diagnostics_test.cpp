#include "staging/start_diagnostics.hpp"

#include <gtest/gtest.h>

#include "gridrun/count_value.hpp"
#include "random_network.hpp"
#include "staging/initial_weights.hpp"

namespace gridrun {
namespace {

/// 6 samples of 2 bytes, of which 7 steps see the samples 3, 1, 2, 0, 3, 1, 2.
struct ByteSweep {
  Dataset dataset;
  StagedSweep sweep;

  ByteSweep() {
    dataset.samples = dataset.train_samples = 6;
    dataset.inputs = 2;
    dataset.values = std::vector<std::uint8_t>{1, 0, 9, 1, 7, 7, 8, 200, 255, 0, 0, 255};
    dataset.labels.resize(6);
    sweep.dataset = &dataset;
    sweep.order = {3, 1, 2, 0};
    sweep.normals = {1, -3};
    NetworkSpec spec;
    spec.units = {2, 1};
    spec.iterations = 7;
    spec.init.std = 2;
    spec.formats.input.bits = 4;
    sweep.networks = {spec};
    sweep.iterations = 7;
  }
  LayerDiagnostics layer() const { return StartDiagnostics(sweep).of(sweep.networks[0])[0]; }
};

TEST(StartDiagnostics, CountsTheInputsOfEachStep) {
  ByteSweep bytes;
  // 9 twice, 8 twice, 200 twice are above 7.
  EXPECT_EQ(bytes.layer().of(Tensor::input).overflowed, 6U);
  EXPECT_EQ(bytes.layer().of(Tensor::input).bits, 9);  // 255 is of no step
  bytes.sweep.networks[0].formats.input.bits = 9;
  EXPECT_EQ(bytes.layer().of(Tensor::input).overflowed, 0U);
  bytes.sweep.iterations = 2;  // 3 and 1
  bytes.sweep.networks[0].formats.input.bits = 5;
  EXPECT_EQ(bytes.layer().of(Tensor::input).overflowed, 1U);
}

TEST(StartDiagnostics, CountsWeightsBeforeTheyOverflow) {
  ByteSweep bytes;
  NetworkSpec& spec = bytes.sweep.networks[0];
  EXPECT_EQ(bytes.layer().of(Tensor::master).bits, 4);  // 2 and -6
  EXPECT_EQ(bytes.layer().of(Tensor::weight).bits, 1);
  spec.formats.master.bits = 3;  // -6 becomes 2
  spec.formats.weight.bits = 2;
  EXPECT_EQ(bytes.layer().of(Tensor::master).overflowed, 1U);
  EXPECT_EQ(bytes.layer().of(Tensor::master).bits, 4);
  EXPECT_EQ(bytes.layer().of(Tensor::weight).overflowed, 2U);
  EXPECT_EQ(bytes.layer().of(Tensor::weight).bits, 3);
}

TEST(StartDiagnostics, EndsTellOfAllValues) {
  std::uint64_t overflowed_inputs = 0, overflowed_weights = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    const RandomNetworks random = random_networks(seed, {2, 24});
    const StagedSweep& sweep = random.staged;
    const StartDiagnostics start(sweep);
    for (const NetworkSpec& spec : sweep.networks) {
      std::vector<LayerDiagnostics> expected(spec.layers());
      TensorDiagnostics& input = expected[0].of(Tensor::input);
      for (std::uint32_t i = 0; i < sweep.iterations; ++i)
        for (std::size_t k = 0; k < sweep.inputs(); ++k)
          count_value(input,
                      quantise(sweep.dataset->input(sweep.sample_of_step(i), k),
                               spec.formats.input.fraction),
                      spec.formats.input);
      overflowed_inputs += input.overflowed;
      if (spec.bias) input.bits = std::max(input.bits, spec.formats.input.fraction + 2);
      const Weights weights = initial_weights(sweep, spec);
      const double* normal = sweep.normals.data();
      for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
        if (spec.bias || layer + 1 == spec.layers())
          expected[layer].of(Tensor::activation).bits = spec.formats.activation.fraction + 2;
        const WeightDraw draw(spec, layer);
        for (const std::int64_t w : weights[layer]) {
          count_value(expected[layer].of(Tensor::master), draw(*normal++), spec.formats.master);
          const int n = spec.formats.master.fraction - spec.formats.weight.fraction;
          if (spec.formats.weight == spec.formats.master) continue;
          count_value(expected[layer].of(Tensor::weight),
                      n > 0 ? round_shift(w, n, spec.formats.weight.round, 0) : w,
                      spec.formats.weight, std::max(0, -n));
        }
        overflowed_weights += expected[layer].of(Tensor::master).overflowed;
      }
      EXPECT_TRUE(start.of(spec) == expected) << random.description;
    }
  }
  EXPECT_GT(overflowed_inputs, 100U);
  EXPECT_GT(overflowed_weights, 100U);
}

}  // namespace
}  // namespace gridrun
