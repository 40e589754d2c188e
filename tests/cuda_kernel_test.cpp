// The cuda engine against the reference engine, to the byte: the same tests over the emulation and
// on a GPU.
#include <gtest/gtest.h>

#include <string>

#include "cuda_test.hpp"
#include "gridrun/error.hpp"
#include "sanitizers.hpp"
#include "take_outcome_expectations.hpp"
#include "train_plan.hpp"

namespace gridrun::cuda {
namespace {

class CudaKernel : public CudaTest {};

TEST_F(CudaKernel, SaysWhatItCannotTrain) {
  NetworkSpec spec = random_sweep(1).staged().networks.front();
  EXPECT_EQ(engine().why_not(spec), "");
  spec.formats.weight.bits = 16;
  EXPECT_EQ(engine().why_not(spec), "");
  spec.arithmetic = Arithmetic::binary64;
  EXPECT_EQ(engine().why_not(spec), "the GPU does not train binary64");
}

TEST_F(CudaKernel, RandomSweepsAgreeWithReference) {
  const std::uint32_t seeds = random_rounds(test_device_is_slow() ? 60 : 400);
  BatchedEngine::Record total;
  for (std::uint32_t seed = 0; seed < seeds && !HasFailure(); ++seed) {
    BatchedEngine trained = engine(least_lanes(), seed);
    expect_same_as_reference(trained, random_sweep(seed));
    total.narrow += trained.record().narrow;
    total.outgrown += trained.record().outgrown;
    total.wide += trained.record().wide;
  }
  EXPECT_GT(total.narrow, 0U);
  EXPECT_GT(total.outgrown, 0U);
  EXPECT_GT(total.wide, 0U);
}

TEST_F(CudaKernel, EveryShapeAgreesWithReference) {
  const std::uint32_t seeds = test_device_is_slow() ? 3 : 12;
  for (const std::size_t word : {4, 8})
    for (const Shape shape : shapes_of(word, true)) {
      Tuning tuning = least_lanes();
      (word == 4 ? tuning.narrow_shape : tuning.wide_shape) = shape;
      for (std::uint32_t seed = 1000; seed < 1000 + seeds && !HasFailure(); ++seed) {
        SCOPED_TRACE(std::to_string(shape.neurons) + " neurons on " + std::to_string(shape.lanes) +
                     " lanes, word " + std::to_string(word));
        BatchedEngine trained = engine(tuning, seed);
        expect_same_as_reference(trained, random_sweep(seed));
      }
    }
}

TEST_F(CudaKernel, ChoosesForItself) {
  for (std::uint32_t seed = 2000; seed < 2010 && !HasFailure(); ++seed) {
    BatchedEngine trained = engine({}, seed);
    expect_same_as_reference(trained, random_sweep(seed));
  }
}

TEST_F(CudaKernel, TrainsAgainWhatOutgrows32Bits) {
  BatchedEngine trained = engine(least_lanes());
  expect_same_as_reference(trained, diverging_sweep({{0, 8}, {20, 8}, {0, 16}, {20, 16}}));
  EXPECT_EQ(trained.record().narrow, 4U);
  EXPECT_EQ(trained.record().outgrown, 2U);  // lr 20 learns next to nothing
  EXPECT_EQ(trained.record().wide, 0U);
}

TEST_F(CudaKernel, GuardsWeightsApartFromErrors) {
  // Two weights at their bounds that cancel: errors are small, and soon one of the two leaves its
  // bound. The more inputs are 1, the smaller the bound is.
  struct Case {
    std::size_t ones;
    int lr, fraction;
  };
  for (const Case& one : {Case{2, 0, 0}, Case{300, 8, 8}}) {
    SCOPED_TRACE(one.ones);
    TestSweep sweep = diverging_sweep({{one.lr, one.fraction}, {27, one.fraction}});
    sweep.dataset->inputs = sweep.study.inputs = 301;
    std::vector<double> values(sweep.dataset->samples * sweep.study.inputs);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % sweep.study.inputs < one.ones;
    sweep.dataset->values = values;
    const Magnitudes largest{1.0, static_cast<double>(one.ones), false, 301, 0};
    const std::int64_t bound = narrow_weight_bound(one.fraction, largest) - std::int64_t{1};
    sweep.study.weights.resize(sweep.study.inputs * sweep.study.outputs);
    for (std::size_t i = 0; i < sweep.study.weights.size(); ++i) {
      const std::size_t k = i % sweep.study.inputs;
      sweep.study.weights[i] = k == 0 ? bound : k == 1 ? -bound : 0;
    }
    BatchedEngine trained = engine(least_lanes());
    expect_same_as_reference(trained, sweep);
    EXPECT_EQ(trained.record().narrow, 2U);
    EXPECT_EQ(trained.record().outgrown, 1U);  // lr 27 moves none out
  }
}

TEST_F(CudaKernel, BeginsWideWhereNarrowCannot) {
  BatchedEngine trained = engine(least_lanes());
  expect_same_as_reference(trained, diverging_sweep({{4, 31}, {28, 8}, {62, 52}, {10, 10}}));
  EXPECT_EQ(trained.record().wide, 3U);
  expect_same_as_reference(trained, diverging_sweep({{3, 8}}, std::int64_t{1} << 40));
  EXPECT_EQ(trained.record().wide, 1U);
}

TEST_F(CudaKernel, TrainsInGlobalMemoryWhatSharedMemoryDoesNotHold) {
  Tuning tuning = least_lanes();
  tuning.limits = DeviceLimits{1, 64, 64};
  tuning.slice_steps = 32;  // several launches
  for (std::uint32_t seed = 3000; seed < 3005 && !HasFailure(); ++seed) {
    const TestSweep sweep = random_sweep(seed);
    BatchedEngine trained = engine(tuning, seed);
    expect_same_as_reference(trained, sweep);
    EXPECT_GE(trained.record().global, sweep.study.networks.size());
  }
}

TEST_F(CudaKernel, TrainsManyInputs) {
  TestSweep sweep = diverging_sweep({{5, 8}, {12, 16}, {30, 16}});
  sweep.dataset->inputs = sweep.study.inputs = 70'000;
  sweep.dataset->values =
      std::vector<double>(sweep.dataset->samples * sweep.dataset->inputs, 0.125);
  sweep.study.weights.assign(sweep.study.inputs * sweep.study.outputs, -3);
  sweep.study.iterations = 9;
  BatchedEngine trained = engine();
  expect_same_as_reference(trained, sweep);
  EXPECT_EQ(trained.record().global, 3U + trained.record().outgrown);
}

TEST_F(CudaKernel, TrainsInBatchesWhenMemoryIsShort) {
  std::vector<StudyNetwork> networks;
  for (int fraction = 4; fraction < 36; ++fraction)
    for (const int lr : {0, 3, 20}) networks.push_back({lr, fraction});
  Tuning tuning = least_lanes();
  tuning.memory = 1'000'000;
  BatchedEngine trained = engine(tuning);
  expect_same_as_reference(trained, diverging_sweep(networks));
  EXPECT_GT(trained.record().batches, 1U);
  EXPECT_LT(trained.record().batches, networks.size());
}

TEST_F(CudaKernel, ReturnsFinalWeightsAndHeldOutBits) {
  Tuning tuning = least_lanes();
  tuning.limits = DeviceLimits{1, 48 << 10, 48 << 10};  // as many warps a block on any device
  tuning.memory = 60'000;
  tuning.slice_steps = 32;
  std::vector<StudyNetwork> networks;
  for (int fraction = 4; fraction < 40; fraction += 2)
    for (const int lr : {0, 3, 20}) networks.push_back({lr, fraction});
  TestSweep sweep = diverging_sweep(networks);
  sweep.held_out = {6, 1, 4};
  for (const bool keeps : {true, false}) {
    sweep.study.keep_weights = keeps;
    BatchedEngine trained = engine(tuning);
    expect_same_as_reference(trained, sweep);
    const BatchedEngine::Record& record = trained.record();
    EXPECT_GT(record.narrow, record.outgrown);
    EXPECT_GT(record.outgrown, 0U);
    EXPECT_GT(record.wide, 0U);
    EXPECT_GT(record.batches, 3U);  // narrow, wide and again: one of them had several
    EXPECT_EQ(record.launches, record.batches * 3);  // 90 steps
  }
}

TEST_F(CudaKernel, HandsOverOutcomesBatchByBatch) {
  Tuning tuning = least_lanes();
  tuning.limits = DeviceLimits{1, 48 << 10, 48 << 10};  // as many warps a block on any device
  tuning.memory = 60'000;
  tuning.right_words = 8;  // of two networks
  std::vector<StudyNetwork> networks;
  for (int fraction = 4; fraction < 40; fraction += 2)
    for (const int lr : {0, 3, 20}) networks.push_back({lr, fraction});
  TestSweep sweep = diverging_sweep(networks);
  const StagedSweep staged = sweep.staged();
  BatchedEngine trained = engine(tuning);
  expect_taken_once_each(trained, staged);
  EXPECT_GT(trained.record().outgrown, 0U);
  expect_interrupted_early(trained, staged, all_steps(staged) / 2);
  expect_ended_by_take(trained, staged, all_steps(staged) / 2);
  sweep.held_out = {6, 1, 4};
  expect_taken_once_each(trained, sweep.staged());
  expect_ended_by_take(trained, sweep.staged(), all_steps(staged));
}

TEST_F(CudaKernel, SaysWhenMemoryIsTooShortForOneNetwork) {
  Tuning tuning = least_lanes();
  tuning.memory = 1000;
  BatchedEngine trained = engine(tuning);
  Progress progress;
  try {
    trained.train(random_sweep(1).staged(), progress);
    FAIL() << "nothing was thrown";
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find("not enough memory"), std::string::npos)
        << error.what();
  }
}

TEST_F(CudaKernel, SlicesOfStepsDoNotChangeOutcomes) {
  for (std::uint32_t seed = 5000; seed < 5010 && !HasFailure(); ++seed) {
    Tuning tuning = least_lanes();
    tuning.slice_steps = 32;
    BatchedEngine trained = engine(tuning, seed);
    const TestSweep sweep = random_sweep(seed);
    expect_same_as_reference(trained, sweep);
    if (sweep.study.iterations > 32) {
      EXPECT_GT(trained.record().launches, trained.record().batches);
    }
  }
}

TEST_F(CudaKernel, StopsWhenItsProgressIsStopped) {
  const TestSweep sweep = random_sweep(1);
  BatchedEngine trained = engine();
  Progress progress;
  progress.stop();
  EXPECT_THROW(trained.train(sweep.staged(), progress), Interrupted);
  EXPECT_EQ(progress.done(), 0U);
}

TEST_F(CudaKernel, TrainsDigits) {
  std::vector<std::string> overrides;
  if (test_device_is_slow()) overrides = {"train.iterations=300", "report.smooth_window=101"};
  BatchedEngine trained = engine(least_lanes());
  expect_same_as_reference(trained, shipped_sweep("digits.toml", overrides));
  EXPECT_EQ(trained.record().launches, 1U);
}

TEST_F(CudaKernel, TrainsAnExcerptOfMnist) {
  const auto directory = mnist_directory();
  if (!directory) GTEST_SKIP() << "MNIST is not here; tools/fetch-mnist gets it";
  const std::string steps = test_device_is_slow() ? "40" : "400";
  BatchedEngine trained = engine();
  expect_same_as_reference(
      trained,
      shipped_sweep("mnist.toml", {"dataset.path=\"" + directory->string() + "\"",
                                   "train.iterations=" + steps, "report.smooth_window=21"}));
}

}  // namespace
}  // namespace gridrun::cuda
