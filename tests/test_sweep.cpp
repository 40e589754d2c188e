#include "test_sweep.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/machine.hpp"
#include "base/shipped_files.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "draws.hpp"
#include "engines/reference/reference_engine.hpp"
#include "staging/stage.hpp"

namespace gridrun {

TestSweep make_study(std::size_t inputs, std::vector<double> values,
                     std::vector<std::uint32_t> labels, std::size_t outputs,
                     std::vector<StudyNetwork> networks, std::uint32_t iterations) {
  TestSweep test;
  test.dataset = std::make_unique<Dataset>();
  Dataset& dataset = *test.dataset;
  dataset.name = test.description = "test";
  dataset.inputs = inputs;
  dataset.samples = dataset.train_samples = labels.size();
  dataset.classes = static_cast<std::uint32_t>(outputs);
  dataset.values = std::move(values);
  dataset.labels = std::move(labels);
  StudySweep& study = test.study;
  study.dataset = &dataset;
  study.order.resize(dataset.samples);
  std::iota(study.order.begin(), study.order.end(), 0U);
  study.inputs = inputs;
  study.outputs = outputs;
  study.networks = std::move(networks);
  study.iterations = iterations;
  for (std::size_t i = 0; i < outputs * inputs; ++i)
    study.weights.push_back(static_cast<std::int64_t>(i * 7919 % 1001) - 500);
  return test;
}

TestSweep random_sweep(std::uint32_t seed) {
  RandomDraws draw(seed);
  const auto inputs = static_cast<std::size_t>(draw.between(1, 40));
  const auto outputs = static_cast<std::size_t>(draw.between(1, 12));
  const auto iterations = static_cast<std::uint32_t>(draw.between(1, 150));
  const Activation activation = draw.chance(50) ? Activation::linear : Activation::relu;
  const auto samples = static_cast<std::size_t>(draw.between(1, 70));
  const double scale = draw.chance(50) ? 255.0 : 1.0;

  const bool bytes = draw.chance(40);
  const int density = static_cast<int>(draw.between(0, 3)) * 33 + 1;  // percent of non-zeros
  std::vector<std::uint8_t> stored_bytes;
  std::vector<double> stored_reals;
  for (std::size_t i = 0; i < samples * inputs; ++i) {
    const bool zero = !draw.chance(density);
    if (bytes)
      stored_bytes.push_back(static_cast<std::uint8_t>(zero ? 0 : draw.between(0, 255)));
    else  // up to 4 in magnitude, down to 2^-20
      stored_reals.push_back(zero ? 0.0 : static_cast<double>(draw.integer_of(22)) * 0x1p-20);
  }
  std::vector<std::uint32_t> labels;
  for (std::size_t i = 0; i < samples; ++i)
    labels.push_back(
        static_cast<std::uint32_t>(draw.between(0, static_cast<std::int64_t>(outputs) - 1)));
  TestSweep test =
      make_study(inputs, std::move(stored_reals), std::move(labels), outputs, {}, iterations);
  if (bytes) test.dataset->values = std::move(stored_bytes);
  test.dataset->scale = scale;
  StudySweep& study = test.study;
  study.activation = activation;
  std::reverse(study.order.begin(), study.order.end());

  // Half of the sweeps stay near the study; the others go anywhere that is legal.
  const bool near_study = draw.chance(50);
  const int weight_bits = near_study ? 11 : static_cast<int>(draw.between(0, 63));
  for (std::int64_t& weight : study.weights) weight = draw.integer_of(weight_bits);
  const auto lr = near_study ? draw.rising(static_cast<int>(draw.between(1, 20)), 0, 24)
                             : draw.rising(static_cast<int>(draw.between(1, 9)), 0, max_lr);
  const auto fraction = near_study
                            ? draw.rising(static_cast<int>(draw.between(1, 3)), 4, 24)
                            : draw.rising(static_cast<int>(draw.between(1, 3)), 0, max_fraction);
  for (const int shift : lr)
    for (const int bits : fraction) study.networks.push_back({shift, bits});

  study.keep_weights = draw.chance(50);
  if (draw.chance(50))
    for (std::uint32_t s = 0; s < samples; ++s)
      if (draw.chance(50)) test.held_out.push_back(s);

  test.description = fmt::format(
      "random_sweep({}): {} inputs, {} outputs, {} steps, {} samples of {}, {} networks, {} weight "
      "bits, {}",
      seed, study.inputs, study.outputs, study.iterations, samples, bytes ? "bytes" : "reals",
      study.networks.size(), weight_bits, study.activation == Activation::relu ? "relu" : "linear");
  return test;
}

TestSweep shipped_sweep(const std::string& configuration,
                        const std::vector<std::string>& overrides) {
  const Sweep sweep = read_configuration(find_configuration(configuration), overrides);
  TestSweep test;
  test.dataset = std::make_unique<Dataset>(load_dataset(sweep));
  test.study = study_of(stage(sweep, *test.dataset)).value();
  test.description = configuration;
  return test;
}

std::optional<std::filesystem::path> mnist_directory() {
  const char* const named = std::getenv("GRIDRUN_MNIST");
  for (const std::filesystem::path& place :
       {std::filesystem::path(named ? named : ""), shipped_directory() / "mnist"})
    if (std::filesystem::is_directory(place)) return place;
  return std::nullopt;
}

Outcomes reference_outcomes(const StagedSweep& sweep) {
  Progress progress;
  return ReferenceEngine(processors()).train(sweep, progress);
}

void expect_same_as_reference(Engine& engine, const TestSweep& sweep) {
  Progress progress;
  const Outcomes got = engine.train(sweep.staged(), progress);
  const Outcomes expected = reference_outcomes(sweep.staged());
  ASSERT_EQ(got.size(), expected.size()) << sweep.description;
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const auto [lr, fraction] = sweep.study.networks[n];
    EXPECT_TRUE(got[n] == expected[n])
        << sweep.description << "\nnetwork lr " << lr << ", fraction " << fraction
        << ": right bits " << (got[n].right == expected[n].right ? "agree" : "differ") << ", sums "
        << (got[n].layers == expected[n].layers ? "agree" : "differ") << ", weights "
        << (got[n].weights_digest == expected[n].weights_digest ? "agree" : "differ")
        << ", held-out "
        << (got[n].held_out_right == expected[n].held_out_right ? "agrees" : "differs")
        << ", diagnostics " << (got[n].diagnostics == expected[n].diagnostics ? "agree" : "differ");
    if (::testing::Test::HasFailure()) return;  // one network says enough
  }
  EXPECT_EQ(progress.done(), std::uint64_t{sweep.study.iterations} * sweep.study.networks.size());
}

}  // namespace gridrun
