// What the cuda engine counts of diagnosed networks against what the reference engine does: the
// same tests over the emulation and on a GPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cuda_test.hpp"
#include "take_outcome_expectations.hpp"
#include "train_plan.hpp"

namespace gridrun::cuda {
namespace {

TestSweep diagnosed(TestSweep sweep) {
  sweep.study.diagnose = true;
  sweep.description += ", diagnosed";
  return sweep;
}

/// Networks of 18 fractions, some of which begin in 64 bits or leave 32.
std::vector<StudyNetwork> many_networks() {
  std::vector<StudyNetwork> networks;
  for (int fraction = 4; fraction < 40; fraction += 2)
    for (const int lr : {0, 3, 20}) networks.push_back({lr, fraction});
  return networks;
}

class CudaDiagnostics : public CudaTest {
 protected:
  static Tuning least_lanes() {
    Tuning tuning;
    tuning.narrow_shape = Shape{8, 2};
    tuning.wide_shape = Shape{4, 1};
    return tuning;
  }

  /// Expects that an engine counts what the reference engine does, and returns that.
  static std::vector<LayerDiagnostics> expect_counted(BatchedEngine& trained,
                                                      const TestSweep& sweep) {
    expect_same_as_reference(trained, sweep);
    std::vector<LayerDiagnostics> all;
    for (const Outcome& outcome : reference_outcomes(sweep.staged()))
      all.push_back(outcome.diagnostics.front());
    return all;
  }
};

/// How many of some networks there are, so that a test sees what it is about.
template <typename Is>
std::size_t count_of(const std::vector<LayerDiagnostics>& all, Is&& is) {
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is));
}

TEST_F(CudaDiagnostics, RandomSweepsAgreeWithReference) {
  const std::uint32_t seeds = test_device_is_slow() ? 60 : 300;
  BatchedEngine::Record total;
  std::vector<LayerDiagnostics> all;
  for (std::uint32_t seed = 0; seed < seeds && !HasFailure(); ++seed) {
    BatchedEngine trained = engine(least_lanes(), seed);
    const auto counted = expect_counted(trained, diagnosed(random_sweep(seed)));
    all.insert(all.end(), counted.begin(), counted.end());
    total.narrow += trained.record().narrow;
    total.outgrown += trained.record().outgrown;
    total.wide += trained.record().wide;
  }
  EXPECT_GT(total.narrow, total.outgrown);
  EXPECT_GT(total.outgrown, 0U);
  EXPECT_GT(total.wide, 0U);
  using Counts = const LayerDiagnostics&;
  EXPECT_GT(count_of(all, [](Counts of) { return of.inactive > of.last_inactive; }), 9U);
  EXPECT_GT(count_of(all, [](Counts of) { return of.last_inactive != 0; }), 9U);
  EXPECT_GT(count_of(all, [](Counts of) { return of.lost != 0 && of.lost != of.updates; }), 9U);
  EXPECT_GT(count_of(all, [](Counts of) { return of.product < 0; }), 9U);
  EXPECT_GT(count_of(all, [](Counts of) { return of.product > 0; }), 9U);
  EXPECT_GT(count_of(all, [](Counts of) { return of.step < 0; }), 9U);
  EXPECT_GT(count_of(all, [](Counts of) { return of.step > 0; }), 9U);
}

TEST_F(CudaDiagnostics, EveryShapeAgreesWithReference) {
  const std::uint32_t seeds = test_device_is_slow() ? 3 : 12;
  for (const std::size_t word : {4, 8})
    for (const Shape shape : shapes_of(word, true, true)) {
      Tuning tuning = least_lanes();
      (word == 4 ? tuning.narrow_shape : tuning.wide_shape) = shape;
      for (std::uint32_t seed = 1000; seed < 1000 + seeds && !HasFailure(); ++seed) {
        SCOPED_TRACE(std::to_string(shape.neurons) + " neurons on " + std::to_string(shape.lanes) +
                     " lanes, word " + std::to_string(word));
        BatchedEngine trained = engine(tuning, seed);
        expect_same_as_reference(trained, diagnosed(random_sweep(seed)));
      }
    }
}

TEST_F(CudaDiagnostics, ChoosesForItself) {
  for (std::uint32_t seed = 2000; seed < 2010 && !HasFailure(); ++seed) {
    BatchedEngine trained = engine({}, seed);
    expect_same_as_reference(trained, diagnosed(random_sweep(seed)));
  }
}

TEST_F(CudaDiagnostics, CountsWithWeightsInGlobalMemory) {
  Tuning tuning = least_lanes();
  tuning.limits = DeviceLimits{1, 64, 64};
  tuning.slice_steps = 32;  // several launches
  for (std::uint32_t seed = 3000; seed < 3005 && !HasFailure(); ++seed) {
    const TestSweep sweep = diagnosed(random_sweep(seed));
    BatchedEngine trained = engine(tuning, seed);
    expect_same_as_reference(trained, sweep);
    EXPECT_GE(trained.record().global, sweep.study.networks.size());
  }
}

TEST_F(CudaDiagnostics, CountsManyInputs) {
  TestSweep sweep = diagnosed(diverging_sweep({{5, 8}, {12, 16}, {30, 16}}));
  sweep.dataset->inputs = sweep.study.inputs = 70'000;
  sweep.dataset->values =
      std::vector<double>(sweep.dataset->samples * sweep.dataset->inputs, 0.125);
  sweep.study.weights.assign(sweep.study.inputs * sweep.study.outputs, -3);
  sweep.study.iterations = 9;
  BatchedEngine trained = engine();
  expect_same_as_reference(trained, sweep);
  EXPECT_EQ(trained.record().global, 3U + trained.record().outgrown);
}

TEST_F(CudaDiagnostics, CountsMoreInputsThanRegistersHold) {
  TestSweep sweep = diagnosed(diverging_sweep({{12, 8}, {20, 16}}));
  const std::size_t inputs = sweep.dataset->inputs = sweep.study.inputs = 300;
  std::vector<double> values;
  for (std::size_t i = 0; i < sweep.dataset->samples * inputs; ++i)
    values.push_back(static_cast<double>(i * 37 % 64) / 32 - 0.75);
  sweep.dataset->values = std::move(values);
  sweep.study.weights.assign(inputs * sweep.study.outputs, 3);
  sweep.study.iterations = 20;
  for (const Shape shape : shapes_of(4, true, true)) {
    Tuning tuning;
    tuning.narrow_shape = shape;
    BatchedEngine trained = engine(tuning);
    expect_same_as_reference(trained, sweep);
    EXPECT_EQ(trained.record().narrow, 2U);
    EXPECT_EQ(trained.record().outgrown, 0U);
    EXPECT_EQ(trained.record().global, 0U);
  }
}

TEST_F(CudaDiagnostics, CountsAnewWhatOutgrows32Bits) {
  TestSweep sweep = diagnosed(diverging_sweep({{0, 0}, {20, 8}, {0, 16}, {20, 16}}));
  sweep.study.iterations = 300;
  BatchedEngine trained = engine(least_lanes());
  const auto counted = expect_counted(trained, sweep);
  EXPECT_EQ(trained.record().narrow, 4U);
  EXPECT_EQ(trained.record().outgrown, 2U);
  EXPECT_EQ(counted[0].of(Tensor::master).bits, 64);  // its words wrap
  for (const std::size_t diverged : {0, 2}) {
    EXPECT_EQ(counted[diverged].of(Tensor::accumulator).bits, 64);
    EXPECT_EQ(counted[diverged].of(Tensor::gradient).bits,
              64 - sweep.study.networks[diverged].fraction);
  }
}

TEST_F(CudaDiagnostics, SumsOfSmallWordsGrowBeyond64Bits) {
  // Errors of 2^26 and inputs just below 2^26 in magnitude, of which lr 27 leaves 0 and -1.
  for (const double sign : {1.0, -1.0}) {
    constexpr int inputs = 30, steps = 150;
    TestSweep sweep = diagnosed(
        make_study(inputs, std::vector<double>(inputs, sign * 0.999), {0}, 1, {{27, 26}}, steps));
    sweep.study.weights.assign(inputs, 0);
    sweep.study.activation = Activation::linear;
    BatchedEngine trained = engine(least_lanes());
    const LayerDiagnostics counted = expect_counted(trained, sweep).front();
    EXPECT_EQ(trained.record().narrow, 1U);
    EXPECT_EQ(trained.record().outgrown, 0U);
    EXPECT_GT(counted.product * static_cast<int>(sign), SignedSum{1} << 64);
    EXPECT_EQ(counted.updates, static_cast<std::uint64_t>(inputs * steps));
    EXPECT_EQ(counted.lost, sign > 0 ? counted.updates : 0);
    EXPECT_EQ(counted.step, sign > 0 ? 0 : -inputs * steps);
  }
}

TEST_F(CudaDiagnostics, SumsOfStepsGrowBeyond64Bits) {
  TestSweep sweep = diagnosed(diverging_sweep({{0, 0}, {1, 0}, {0, 3}}, std::int64_t{1} << 62));
  BatchedEngine trained = engine(least_lanes());
  const auto counted = expect_counted(trained, sweep);
  EXPECT_EQ(trained.record().wide, 3U);
  EXPECT_GT(count_of(counted,
                     [](const LayerDiagnostics& of) {
                       return of.step > SignedSum{1} << 64 || of.step < -(SignedSum{1} << 64);
                     }),
            0U);
}

TEST_F(CudaDiagnostics, InactiveStepsUpToTheEnd) {
  // Samples of one input +1 or -1; the first network's weight does not move, the others' does.
  const auto counted_after = [](std::vector<double> inputs, std::uint32_t steps) {
    TestSweep sweep = diagnosed(make_study(1, inputs, std::vector<std::uint32_t>(inputs.size()), 1,
                                           {{27, 4}, {2, 4}, {0, 33}}, steps));
    sweep.study.weights = {16};
    Tuning tuning = least_lanes();
    tuning.slice_steps = 320;
    BatchedEngine trained = engine(tuning);
    return expect_counted(trained, sweep).front();
  };
  std::vector<double> inputs(700, 1.0);
  std::fill_n(inputs.begin() + 300, 400, -1.0);
  EXPECT_EQ(counted_after(inputs, 300).inactive, 0U);
  EXPECT_EQ(counted_after(inputs, 300).last_inactive, 0U);
  for (const std::uint32_t steps : {301U, 319U, 320U, 321U, 556U, 700U}) {
    EXPECT_EQ(counted_after(inputs, steps).inactive, steps - 300) << steps;
    EXPECT_EQ(counted_after(inputs, steps).last_inactive, steps - 300) << steps;
  }
  EXPECT_EQ(counted_after(inputs, 750).inactive, 400U);  // the order begins anew
  EXPECT_EQ(counted_after(inputs, 750).last_inactive, 0U);
  const std::vector<double> none(37, -1.0);
  EXPECT_EQ(counted_after(none, 37).inactive, 37U);
  EXPECT_EQ(counted_after(none, 37).last_inactive, 37U);
}

TEST_F(CudaDiagnostics, SlicesOfStepsDoNotChangeCounts) {
  for (std::uint32_t seed = 5000; seed < 5010 && !HasFailure(); ++seed) {
    Tuning tuning = least_lanes();
    tuning.slice_steps = 32;
    BatchedEngine trained = engine(tuning, seed);
    const TestSweep sweep = diagnosed(random_sweep(seed));
    expect_same_as_reference(trained, sweep);
    if (sweep.study.iterations > 32) {
      EXPECT_GT(trained.record().launches, trained.record().batches);
    }
  }
}

TEST_F(CudaDiagnostics, CountsInBatches) {
  Tuning tuning = least_lanes();
  tuning.memory = 60'000;
  tuning.slice_steps = 32;
  TestSweep sweep = diagnosed(diverging_sweep(many_networks()));
  sweep.held_out = {6, 1, 4};
  for (const Activation activation : {Activation::linear, Activation::relu}) {
    sweep.study.activation = activation;
    BatchedEngine trained = engine(tuning);
    expect_same_as_reference(trained, sweep);
    const BatchedEngine::Record& record = trained.record();
    EXPECT_GT(record.narrow, record.outgrown);
    EXPECT_GT(record.wide, 0U);
    EXPECT_GT(record.batches, 3U);  // narrow, wide and again: one of them had several
    EXPECT_EQ(record.launches, record.batches * 3);  // 90 steps
  }
}

TEST_F(CudaDiagnostics, CountsHaveTheirShareOfMemory) {
  std::uint64_t batches = 0, batches_diagnosed = 0;
  for (std::uint64_t memory = 40'000; memory <= 90'000; memory += 5'000) {
    Tuning tuning = least_lanes();
    tuning.memory = memory;
    for (const bool diagnose : {false, true}) {
      TestSweep sweep = diverging_sweep(std::vector<StudyNetwork>(96, {0, 40}));
      sweep.study.iterations = 2;
      sweep.study.diagnose = diagnose;
      BatchedEngine trained = engine(tuning);
      Progress progress;
      trained.train(sweep.staged(), progress);
      EXPECT_EQ(trained.record().wide, 96U);
      (diagnose ? batches_diagnosed : batches) += trained.record().batches;
    }
  }
  EXPECT_GT(batches_diagnosed, batches);
}

TEST_F(CudaDiagnostics, HandsOverOutcomesBatchByBatch) {
  Tuning tuning = least_lanes();
  tuning.memory = 60'000;
  tuning.right_words = 8;  // of two networks
  TestSweep sweep = diagnosed(diverging_sweep(many_networks()));
  const StagedSweep staged = sweep.staged();
  BatchedEngine trained = engine(tuning);
  expect_taken_once_each(trained, staged);
  EXPECT_GT(trained.record().outgrown, 0U);
  expect_interrupted_early(trained, staged, all_steps(staged) / 2);
  expect_ended_by_take(trained, staged, all_steps(staged) / 2);
  sweep.held_out = {6, 1, 4};
  expect_taken_once_each(trained, sweep.staged());
}

TEST_F(CudaDiagnostics, CountsDigits) {
  std::vector<std::string> overrides;
  if (test_device_is_slow()) overrides = {"train.iterations=150", "report.smooth_window=101"};
  BatchedEngine trained = engine(least_lanes());
  expect_same_as_reference(trained, diagnosed(shipped_sweep("digits.toml", overrides)));
}

}  // namespace
}  // namespace gridrun::cuda
