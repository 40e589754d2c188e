#include "engines/reference/reference_engine.hpp"

#include <gtest/gtest.h>

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
  TestSweep test;
  test.dataset = std::make_unique<Dataset>();
  Dataset& dataset = *test.dataset;
  StagedSweep& staged = test.staged;
  std::vector<double> values;
  for (const auto& sample : run["inputs"])
    for (const double input : sample) values.push_back(input);
  dataset.samples = run["inputs"].size();
  dataset.inputs = staged.inputs = run["inputs"][0].size();
  dataset.values = values;
  dataset.labels = run["labels"].get<std::vector<std::uint32_t>>();
  staged.dataset = &dataset;
  for (std::uint32_t i = 0; i < dataset.samples; ++i) staged.order.push_back(i);
  staged.outputs = run["weights"].size();
  for (const auto& neuron : run["weights"])
    for (const auto& weight : neuron) staged.weights.push_back(integer(weight));
  staged.iterations = run["iterations"];
  staged.activation = run["activation"] == "linear" ? Activation::linear : Activation::relu;
  staged.networks = {{run["lr"], run["fraction"]}};
  return test;
}

TEST(ReferenceEngine, TrainsAsNumPyDoesAndWrapsAsItsInt64) {
  int wrapped = 0;
  for (const auto& run : vectors("training")) {
    const Outcome outcome = reference_outcomes(sweep_of(run).staged).at(0);
    std::string right;
    for (std::uint32_t i = 0; i < run["iterations"]; ++i) right += outcome.was_right(i) ? '1' : '0';
    EXPECT_EQ(right, run["right"]) << run["name"];
    EXPECT_EQ(decimal(outcome.sum_abs_update), run["sum_abs_update"]) << run["name"];
    EXPECT_EQ(decimal(outcome.sum_dropped), run["sum_abs_error"]) << run["name"];
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
  EXPECT_THROW(engine.train(sweep.staged, progress), Interrupted);
  EXPECT_LE(progress.done(), 2U);
}

}  // namespace
}  // namespace gridrun
