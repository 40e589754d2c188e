#include "engines/cpu/cpu_engine.hpp"

#include <gtest/gtest.h>

#include "engines/cpu/lane_group.hpp"
#include "sanitizers.hpp"
#include "simd_targets.hpp"
#include "test_sweep.hpp"

namespace gridrun {
namespace {

/// Values that are never equal: i-th multiple of an irrational, in -1 ... 1.
std::vector<double> distinct_values(std::size_t count) {
  std::vector<double> values;
  for (std::size_t i = 1; i <= count; ++i)
    values.push_back(std::remainder(static_cast<double>(i) * 0.6180339887498949, 1.0) * 2);
  return values;
}

std::vector<StudyNetwork> grid(int first_lr, int last_lr, const std::vector<int>& fractions) {
  std::vector<StudyNetwork> networks;
  for (int lr = first_lr; lr <= last_lr; ++lr)
    for (const int fraction : fractions) networks.push_back({lr, fraction});
  return networks;
}

/// Expects the reference's outcomes of the engine at every SIMD target, on an odd number of
/// threads; returns what happened on the way, which is the same at every target.
TrainingStatistics expect_same_everywhere(const TestSweep& sweep) {
  TestSweep diagnosed;
  diagnosed.study = sweep.study;
  diagnosed.study.diagnose = true;
  diagnosed.held_out = sweep.held_out;
  const Outcomes counted = reference_outcomes(diagnosed.staged());
  const Outcomes expected = reference_outcomes(sweep.staged());
  std::optional<TrainingStatistics> statistics;
  for (const std::int64_t target : simd_targets()) {
    const OnlyTarget only(target);
    CpuEngine engine(3);
    Progress progress;
    EXPECT_TRUE(engine.train(sweep.staged(), progress) == expected)
        << sweep.description << " on " << hwy::TargetName(target);
    EXPECT_EQ(progress.done(), std::uint64_t{sweep.study.iterations} * sweep.study.networks.size());
    Progress progress_counting;
    CpuEngine counting(3);
    EXPECT_TRUE(counting.train(diagnosed.staged(), progress_counting) == counted)
        << sweep.description << ", diagnosed, on " << hwy::TargetName(target);
    if (!statistics) statistics = counting.statistics();
    EXPECT_EQ(engine.statistics().narrow_steps, statistics->narrow_steps);
    EXPECT_EQ(engine.statistics().short_steps, statistics->short_steps);
    EXPECT_EQ(engine.statistics().wide_steps, statistics->wide_steps);
    EXPECT_EQ(engine.statistics().half_updates, statistics->half_updates);
    EXPECT_EQ(engine.statistics().long_update_sums, statistics->long_update_sums);
    EXPECT_EQ(engine.statistics().weight_scans, statistics->weight_scans);
  }
  return *statistics;
}

TEST(CpuEngine, ForcedTargetsAreTheOnesThatRun) {
  ASSERT_FALSE(simd_targets().empty());
  for (const std::int64_t target : simd_targets()) {
    const OnlyTarget only(target);
    EXPECT_STREQ(simd_target(), hwy::TargetName(target));
    EXPECT_EQ(CpuEngine(2).device(), std::string("2 threads, ") + hwy::TargetName(target));
  }
}

class CpuEngineRandom : public ::testing::TestWithParam<std::uint32_t> {};

constexpr std::uint32_t seeds_a_test = random_rounds(125);

TEST_P(CpuEngineRandom, SweepsAreAsTheReferenceHasThem) {
  TrainingStatistics total;
  for (std::uint32_t i = 0; i < seeds_a_test; ++i) {
    total += expect_same_everywhere(random_sweep(GetParam() * seeds_a_test + i));
    if (HasFailure()) return;
  }
  EXPECT_GT(total.short_steps, 0U);
  EXPECT_GT(total.narrow_steps, total.short_steps);
  EXPECT_GT(total.wide_steps, 0U);
  EXPECT_GT(total.widened, 0U);
  EXPECT_GT(total.falling_updates, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CpuEngineRandom, ::testing::Range(0U, 8U));

TEST(CpuEngine, AnyNumberOfThreadsGivesTheSame) {
  for (const std::uint32_t seed : {3U, 14U, 15U}) {
    const TestSweep sweep = random_sweep(seed);
    const Outcomes expected = reference_outcomes(sweep.staged());
    for (const unsigned threads : {1U, 2U, 3U, 5U, 7U, 16U, 33U}) {
      CpuEngine engine(threads);
      Progress progress;
      EXPECT_TRUE(engine.train(sweep.staged(), progress) == expected) << seed << ", " << threads;
    }
  }
}

TEST(CpuEngine, LanesThatDoNotFillAVector) {
  for (const int count : {1, 2, 7, 8, 9, 15, 16, 17, 33}) {
    TestSweep sweep = make_study(20, distinct_values(20 * 30), std::vector<std::uint32_t>(30, 2), 4,
                                 grid(3, 2 + count, {11}), 70);
    for (std::size_t i = 0; i < 30; ++i) sweep.dataset->labels[i] = i % 4;
    sweep.description = "lr count " + std::to_string(count);
    EXPECT_EQ(expect_same_everywhere(sweep).wide_steps, 0U);
  }
}

TEST(CpuEngine, FractionsThatShareAGroup) {
  TestSweep sweep = make_study(12, distinct_values(12 * 9), {0, 1, 2, 0, 1, 2, 0, 1, 2}, 3,
                               grid(4, 5, {0, 1, 5, 8, 9, 12, 17, 20, 23, 27}), 50);
  EXPECT_GT(expect_same_everywhere(sweep).narrow_steps, 0U);
}

TEST(CpuEngine, OneCellOneNeuronOneInputOneStep) {
  for (const auto activation : {Activation::relu, Activation::linear}) {
    TestSweep sweep = make_study(1, {0.75}, {0}, 1, {{2, 10}}, 1);
    sweep.study.activation = activation;
    EXPECT_EQ(expect_same_everywhere(sweep).narrow_steps, 1U);
  }
}

TEST(CpuEngine, SamplesOfZerosOnly) {
  for (const auto activation : {Activation::relu, Activation::linear}) {
    TestSweep sweep = make_study(5, std::vector<double>(15), {1, 0, 1}, 2, grid(0, 3, {8}), 200);
    sweep.study.activation = activation;
    expect_same_everywhere(sweep);
    sweep.dataset->values = std::vector<std::uint8_t>(15);
    expect_same_everywhere(sweep);
  }
}

TEST(CpuEngine, MoreStepsThanSamplesAndThanABlock) {
  TestSweep sweep =
      make_study(6, distinct_values(6 * 7), {0, 1, 2, 0, 1, 2, 2}, 3, grid(5, 9, {8, 14}), 5000);
  sweep.study.activation = Activation::linear;
  EXPECT_EQ(expect_same_everywhere(sweep).widened, 0U);
}

TEST(CpuEngine, MoreDistinctInputsThanAPaletteHolds) {
  for (const std::size_t samples : {4U, 8U}) {  // of 64 inputs: 256 values, and more
    TestSweep sweep = make_study(64, distinct_values(64 * samples),
                                 std::vector<std::uint32_t>(samples, 1), 2, grid(5, 9, {12}), 300);
    expect_same_everywhere(sweep);
  }
}

/// Dense bytes whose values repeat often, so that chunks of 4 and of 2 rows are many.
TestSweep dense_bytes(std::vector<StudyNetwork> networks, std::uint32_t iterations) {
  TestSweep sweep =
      make_study(50, {}, {0, 1, 0, 1, 1, 0, 1, 0, 0, 1}, 2, std::move(networks), iterations);
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < 500; ++i)
    bytes.push_back(static_cast<std::uint8_t>(1 + i * i % 23 * 11));
  sweep.dataset->values = std::move(bytes);
  sweep.dataset->scale = 255.0;
  return sweep;
}

TEST(CpuEngine, DenseBytes) {
  EXPECT_EQ(expect_same_everywhere(dense_bytes(grid(5, 19, {8, 16, 23}), 300)).wide_steps, 0U);
}

// The guards of 32-bit training, one by one.

TEST(CpuEngineGuards, InitialWeightsBeyondTheLimitStartWide) {
  TestSweep sweep = dense_bytes(grid(5, 8, {8}), 100);
  sweep.study.weights[3] = -narrow_weight_limit;
  EXPECT_EQ(expect_same_everywhere(sweep).wide_steps, 0U);  // z < 0: it never updates
  sweep.study.weights[3] = -narrow_weight_limit - std::int64_t{1};
  const TrainingStatistics statistics = expect_same_everywhere(sweep);
  EXPECT_EQ(statistics.widened, 0U);
  EXPECT_EQ(statistics.wide_steps, 4 * 100U);
}

TEST(CpuEngineGuards, InputsBeyondTheLimitStartWide) {
  TestSweep sweep = dense_bytes(grid(5, 8, {27}), 50);
  EXPECT_GT(expect_same_everywhere(sweep).narrow_steps, 0U);
  sweep = dense_bytes(grid(5, 8, {28}), 50);
  EXPECT_EQ(expect_same_everywhere(sweep).narrow_steps, 0U);
  sweep = dense_bytes(grid(5, 8, {20}), 50);
  sweep.dataset->scale = 0x1p-3;  // inputs up to 2^11
  EXPECT_EQ(expect_same_everywhere(sweep).narrow_steps, 0U);
}

TEST(CpuEngineGuards, AnActivationBeyondTheLimitWidens) {
  // One input of 1 at fraction 0: a = w. The label's neuron does not matter to the guard.
  for (const std::int64_t weight : {(std::int64_t{1} << 27) - 1, std::int64_t{1} << 27}) {
    TestSweep sweep = make_study(2, {1.0, 1.0}, {1}, 2, {{40, 0}}, 1);
    sweep.study.weights = {weight, weight, 0, 0};
    const bool beyond = 2 * weight >= std::int64_t{1} << 28;
    for (const auto activation : {Activation::relu, Activation::linear}) {
      sweep.study.activation = activation;
      EXPECT_EQ(expect_same_everywhere(sweep).widened, beyond ? 1U : 0U);
    }
  }
  TestSweep sweep = make_study(2, {1.0, 1.0}, {1}, 2, {{40, 0}}, 1);
  sweep.study.weights = {-(1 << 29) + 1, -(1 << 29) + 1, 0, 0};
  EXPECT_EQ(expect_same_everywhere(sweep).widened, 0U);  // ReLU has it as 0
  sweep.study.activation = Activation::linear;
  EXPECT_EQ(expect_same_everywhere(sweep).widened, 1U);
}

/// lr 0 and inputs of 1 swing the weights ever wider: w becomes about (1 - inputs) w.
TestSweep growing_weights(std::uint32_t iterations) {
  TestSweep sweep = make_study(3, {1, 1, 1}, {0}, 1, {{0, 8}}, iterations);
  sweep.study.activation = Activation::linear;
  return sweep;
}

/// Errors stay large and change sign, so that the bound on weights grows and the weights do not.
TestSweep swinging_weights(int fraction) {
  TestSweep sweep = make_study(1, {1.0, 1.0}, {0, 1}, 2, {{1, fraction}}, 1000);
  sweep.study.activation = Activation::linear;
  return sweep;
}

TEST(CpuEngineGuards, GrowingWeightsAreFoundAndWiden) {
  const TrainingStatistics statistics = expect_same_everywhere(growing_weights(200));
  EXPECT_EQ(statistics.widened, 1U);
  EXPECT_GT(statistics.narrow_steps, 10U);  // until past 2^27
  EXPECT_GT(statistics.wide_steps, 64U);    // by then past 2^64
}

TEST(CpuEngineGuards, ABoundThatRunsOutIsMeasuredAgain) {
  const TrainingStatistics statistics = expect_same_everywhere(swinging_weights(26));
  EXPECT_EQ(statistics.widened, 0U);
  EXPECT_GT(statistics.weight_scans, 0U);
}

TEST(CpuEngineGuards, OnlySmallInputsAreShort) {
  EXPECT_GT(expect_same_everywhere(dense_bytes(grid(5, 8, {14}), 50)).short_steps, 0U);
  EXPECT_EQ(expect_same_everywhere(dense_bytes(grid(5, 8, {15}), 50)).short_steps, 0U);
  TestSweep sweep = dense_bytes(grid(5, 8, {14}), 50);
  sweep.dataset->scale = 127.5;  // inputs up to 2
  EXPECT_EQ(expect_same_everywhere(sweep).short_steps, 0U);
}

TEST(CpuEngineGuards, OnlySmallWeightsAreShort) {
  // Four weights that are summed before they are multiplied, by the largest short input.
  for (const std::int64_t sign : {1, -1})
    for (const std::int64_t weight : {short_weight_limit / 2, short_weight_limit / 2 + 1}) {
      TestSweep sweep = make_study(4, {1.0, 1.0, 1.0, 1.0}, {0}, 1, {{30, 14}}, 1);
      sweep.study.weights.assign(4, sign * weight);
      for (const auto activation : {Activation::relu, Activation::linear}) {
        sweep.study.activation = activation;
        EXPECT_EQ(expect_same_everywhere(sweep).short_steps,
                  weight <= short_weight_limit / 2 ? 1U : 0U);
      }
    }
}

TEST(CpuEngineGuards, SumsThatMayPass31BitsAreNotShort) {
  // Two samples: z of the first is within 2^31, that of the second beyond.
  std::vector<double> values(2 * 64, 1.0);
  std::fill_n(values.begin() + 1, 63, 0.0);
  TestSweep sweep = make_study(64, values, {0, 0}, 1, {{30, 14}}, 100);
  sweep.study.weights.assign(64, short_weight_limit / 2);
  EXPECT_EQ(expect_same_everywhere(sweep).short_steps, 50U);
  sweep.study.weights.assign(64, -short_weight_limit / 2);
  EXPECT_EQ(expect_same_everywhere(sweep).short_steps, 50U);
}

TEST(CpuEngineGuards, WeightsThatGrowAreNoLongerShort) {
  const TrainingStatistics statistics = expect_same_everywhere(growing_weights(12));
  EXPECT_GT(statistics.short_steps, 0U);
  EXPECT_LT(statistics.short_steps, 12U);
  EXPECT_EQ(statistics.widened, 0U);
}

TEST(CpuEngineGuards, AShortBoundThatRunsOutIsMeasuredAgain) {
  const TrainingStatistics statistics = expect_same_everywhere(swinging_weights(11));
  EXPECT_EQ(statistics.short_steps, 2000U);
  EXPECT_GT(statistics.weight_scans, 0U);
}

TEST(CpuEngineGuards, UpdatesThatSumBeyond32BitsTakeLongSums) {
  TestSweep sweep = dense_bytes(grid(9, 9, {27}), 100);
  sweep.study.activation = Activation::linear;
  const TrainingStatistics statistics = expect_same_everywhere(sweep);
  EXPECT_GT(statistics.long_update_sums, 0U);
  EXPECT_EQ(statistics.wide_steps, 0U);
}

TEST(CpuEngineGuards, SumsOfProductsBeyond64BitsInABlock) {
  TestSweep sweep = make_study(64, std::vector<double>(64, 1.0), {1}, 2, grid(20, 20, {24}), 100);
  sweep.study.weights.assign(2 * 64, 1 << 21);  // P of neuron 0 sum up to -2^57 a step
  const TrainingStatistics statistics = expect_same_everywhere(sweep);
  EXPECT_EQ(statistics.wide_steps, 0U);
  EXPECT_GT(statistics.falling_updates, 0U);
}

TEST(CpuEngineGuards, DivergencePast32AndPast64BitsInMidBlock) {
  for (int lr = 0; lr < 3; ++lr) {
    TestSweep sweep = dense_bytes(grid(lr, lr + 9, {4, 12, 20}), 700);
    sweep.study.activation = Activation::linear;
    const TrainingStatistics statistics = expect_same_everywhere(sweep);
    EXPECT_GT(statistics.narrow_steps, 0U);
    EXPECT_GT(statistics.widened, 0U);
    EXPECT_GT(statistics.wide_steps, 0U);
  }
}

// The lanes that leave 32 bits, and only they, go on in 64.

/// Linear networks over dense bytes: those of lr 0 to 2 diverge within some hundred steps.
TestSweep diverging_lanes(std::vector<StudyNetwork> networks) {
  TestSweep sweep = dense_bytes(std::move(networks), 700);
  sweep.study.activation = Activation::linear;
  return sweep;
}

TEST(CpuEngineLanes, OnlyDivergingLanesLeave) {
  for (const int first_lr : {0, 1, 9}) {
    const TrainingStatistics statistics =
        expect_same_everywhere(diverging_lanes(grid(first_lr, first_lr + 14, {12})));
    const std::uint64_t diverging = first_lr < 3 ? 3U - static_cast<unsigned>(first_lr) : 0U;
    EXPECT_EQ(statistics.widened, 2 * diverging) << "2 neurons, from lr " << first_lr;
    EXPECT_EQ(statistics.narrow_steps, 2 * 700U);
    EXPECT_LT(statistics.wide_steps, 2 * 700 * diverging + 1);
  }
}

TEST(CpuEngineLanes, OnlyLanesThatGrowTooFastLeave) {
  // The bound on weights is half of the limit, and lr 0 may add more than the other half.
  TestSweep sweep = make_study(1, {1.0}, {0}, 1, {{30, 0}, {0, 0}, {30, 0}}, 1);
  sweep.study.activation = Activation::linear;
  sweep.study.weights = {-(narrow_weight_limit / 2)};
  const TrainingStatistics statistics = expect_same_everywhere(sweep);
  EXPECT_EQ(statistics.widened, 1U);
  EXPECT_EQ(statistics.narrow_steps, 1U);
  EXPECT_EQ(statistics.wide_steps, 1U);
}

TEST(CpuEngineLanes, OnlyLanesOfLargeWeightsLeave) {
  // Weights go to 2^29, since an input of 1/4 times them goes to 1; with lr 30 they hardly move.
  TestSweep sweep = make_study(1, {0.25}, {0}, 1, {{30, 27}, {0, 27}, {30, 27}}, 100);
  sweep.study.activation = Activation::linear;
  sweep.study.weights = {0};
  const TrainingStatistics statistics = expect_same_everywhere(sweep);
  EXPECT_EQ(statistics.widened, 1U);
  EXPECT_EQ(statistics.narrow_steps, 100U);
  EXPECT_GT(statistics.wide_steps, 50U);
}

TEST(CpuEngineLanes, AnyNumberOfLanesLeaves) {
  for (const std::size_t leaving : {1U, 3U, 4U, 5U, 8U, 9U, 15U, 16U}) {
    std::vector<StudyNetwork> networks(leaving, {0, 12});
    networks.resize(16, {12, 12});
    TestSweep sweep = diverging_lanes(std::move(networks));
    sweep.description = std::to_string(leaving) + " lanes leave";
    const TrainingStatistics statistics = expect_same_everywhere(sweep);
    EXPECT_EQ(statistics.widened, 2 * leaving);
    EXPECT_EQ(statistics.narrow_steps == 2 * 700, leaving < 16);
  }
}

TEST(CpuEngineLanes, LanesLeaveOneAfterTheOther) {
  std::vector<StudyNetwork> networks;
  for (int fraction = 3; fraction <= 26; fraction += 2) networks.push_back({0, fraction});
  EXPECT_EQ(expect_same_everywhere(diverging_lanes(networks)).widened, 2 * networks.size());
  for (StudyNetwork& network : networks) network.fraction = 12;
  networks[3].lr = 1;
  networks[7].lr = 30;
  EXPECT_EQ(expect_same_everywhere(diverging_lanes(networks)).widened, 2 * networks.size() - 2);
}

TEST(CpuEngineLanes, FractionsThatNeed64BitsShareAGroupWithOthers) {
  const TestSweep sweep = diverging_lanes(grid(0, 2, {8, 20, 27, 28, 40, 52}));
  const TrainingStatistics statistics = expect_same_everywhere(sweep);
  EXPECT_GT(statistics.narrow_steps, 0U);
  EXPECT_GT(statistics.widened, 0U);
  EXPECT_GE(statistics.wide_steps, 2 * 9 * 700U);  // 9 networks of fractions 28, 40 and 52
}

TEST(CpuEngineLanes, SumsOfWrappedUpdatesOfCoarseFractions) {
  // |u| up to 2^63: few of them fit a 64-bit sum.
  for (const int fraction : {0, 1, 2, 5})
    for (const std::size_t repeats : {1U, 2U, 4U, 7U}) {  // chunks of every size
      std::vector<double> values;
      for (int i = 0; i < 12; ++i) values.insert(values.end(), repeats, i % 2 ? 1.0 + i : -1.0 - i);
      TestSweep sweep = make_study(12 * repeats, values, {0}, 3, grid(0, 2, {fraction}), 60);
      for (std::size_t i = 0; i < sweep.study.weights.size(); ++i)
        sweep.study.weights[i] = static_cast<std::int64_t>((i + 1) * 0x9e3779b97f4a7c15);
      sweep.study.activation = Activation::linear;
      EXPECT_EQ(expect_same_everywhere(sweep).narrow_steps, 0U);
    }
}

TEST(CpuEngineLanes, InputsOfMoreThan32Bits) {
  for (const int fraction : {31, 32, 33, 50})
    for (const auto activation : {Activation::relu, Activation::linear}) {
      TestSweep sweep = make_study(20, distinct_values(20 * 30), std::vector<std::uint32_t>(30, 2),
                                   4, grid(0, 6, {fraction}), 90);
      sweep.study.activation = activation;
      EXPECT_EQ(expect_same_everywhere(sweep).narrow_steps, 0U);
    }
}

TEST(CpuEngine, UpdatesOfSomeLanes) {
  // An input of 0.3 is 0 at fraction 0, 1/2 at 1 and 1/4 at 2: a weight of 3 gives a > 0 at 1 only.
  struct Case {
    std::size_t before, active, after;  // lanes of fractions 0, 1 and 2
    std::uint64_t half_updates;
  };
  for (const Case& c : {Case{8, 8, 0, 1}, Case{0, 8, 8, 1}, Case{4, 8, 4, 1}, Case{4, 4, 8, 1},
                        Case{2, 8, 6, 0}, Case{7, 2, 7, 1}, Case{3, 2, 8, 1}, Case{8, 0, 8, 0}}) {
    std::vector<StudyNetwork> networks(c.before, {30, 0});
    networks.insert(networks.end(), c.active, {30, 1});
    networks.insert(networks.end(), c.after, {30, 2});
    TestSweep sweep = make_study(1, {0.3}, {0}, 1, std::move(networks), 1);
    sweep.study.weights = {3};
    sweep.description = std::to_string(c.before) + ", " + std::to_string(c.active);
    EXPECT_EQ(expect_same_everywhere(sweep).half_updates, c.half_updates) << sweep.description;
  }
}

TEST(CpuEngine, DigitsWhole) {
  CpuEngine engine(3);
  expect_same_as_reference(engine, shipped_sweep("digits.toml"));
  EXPECT_EQ(engine.statistics().wide_steps, 0U);
}

TEST(CpuEngine, DigitsExcerptAtEveryTarget) {
  const TestSweep sweep = shipped_sweep("digits.toml", {"train.iterations=1100"});
  EXPECT_EQ(expect_same_everywhere(sweep).wide_steps, 0U);
}

TEST(CpuEngine, MnistExcerpt) {
  const auto directory = mnist_directory();
  if (!directory)
    GTEST_SKIP() << "SKIPPED: no MNIST in $GRIDRUN_MNIST or data/mnist; "
                    "tools/fetch-mnist brings it";
  const TestSweep sweep = shipped_sweep(
      "mnist.toml", {"dataset.path='" + directory->string() + "'", "train.iterations=1100",
                     "grid.lr={from=4,to=7}", "grid.fraction=[8,15,23]"});
  EXPECT_EQ(expect_same_everywhere(sweep).wide_steps, 0U);
}

TEST(CpuEngine, StopsWhenItsProgressIsStopped) {
  const TestSweep sweep = random_sweep(1);
  CpuEngine engine(3);
  Progress progress;
  progress.stop();
  EXPECT_THROW(engine.train(sweep.staged(), progress), Interrupted);
  EXPECT_EQ(progress.done(), 0U);
}

}  // namespace
}  // namespace gridrun
