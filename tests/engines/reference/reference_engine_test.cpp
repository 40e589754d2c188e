#include "engines/reference/reference_engine.hpp"

#include <gtest/gtest.h>

#include "engines/reference/reference_network.hpp"
#include "test_sweep.hpp"
#include "vectors.hpp"

namespace gridrun {
namespace {

std::string decimal(WideSum value) {
  std::string digits;
  do digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  while ((value /= 10) != 0);
  return digits;
}

/// A run of tests/oracle as a sweep of one network.
TestSweep sweep_of(const nlohmann::json& run) {
  std::vector<double> values;
  for (const auto& sample : run["inputs"])
    for (const double input : sample) values.push_back(input);
  TestSweep test =
      make_study(run["inputs"][0].size(), std::move(values), run["labels"], run["weights"].size(),
                 {{run["lr"], run["fraction"]}}, run["iterations"]);
  test.study.activation = run["activation"] == "linear" ? Activation::linear : Activation::relu;
  test.study.weights.clear();
  for (const auto& unit : run["weights"])
    for (const auto& weight : unit) test.study.weights.push_back(integer(weight));
  return test;
}

TEST(ReferenceEngine, TrainsAsNumPyDoesAndWrapsAsItsInt64) {
  int wrapped = 0;
  for (const auto& run : vectors("training")) {
    const TestSweep sweep = sweep_of(run);
    const StagedSweep staged = sweep.staged();
    // Not by the engine: weights of 64 bits cannot be drawn.
    ReferenceNetwork network(staged.networks[0], {sweep.study.weights});
    std::string right;
    for (std::uint32_t i = 0; i < run["iterations"]; ++i) {
      const std::size_t sample = i % sweep.dataset->samples;
      std::vector<double> inputs;
      for (std::size_t k = 0; k < sweep.dataset->inputs; ++k)
        inputs.push_back(sweep.dataset->input(sample, k));
      right += network.train(inputs, sweep.dataset->labels[sample]) ? '1' : '0';
    }
    EXPECT_EQ(right, run["right"]) << run["name"];
    EXPECT_EQ(decimal(network.sums()[0].abs_update), run["sum_abs_update"]) << run["name"];
    EXPECT_EQ(decimal(network.sums()[0].dropped), run["sum_abs_error"]) << run["name"];
    wrapped += run["results_that_wrapped"] > 0;
  }
  EXPECT_GE(wrapped, 5) << "too few of the runs leave 64 bits";
}

TEST(ReferenceEngine, ThreadsDoNotChangeOutcomes) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    ReferenceEngine single(1);
    expect_same_as_reference(single, random_sweep(seed));
  }
}

TEST(ReferenceEngine, StopsWhenItsProgressIsStopped) {
  const TestSweep sweep = random_sweep(1);
  ReferenceEngine engine(2);
  Progress progress;
  progress.stop();
  EXPECT_THROW(engine.train(sweep.staged(), progress), Interrupted);
  EXPECT_LE(progress.done(), 2U);
}

}  // namespace
}  // namespace gridrun
