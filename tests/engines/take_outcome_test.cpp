// Engines hand over outcomes as soon as they are final. cuda_kernel_test.cpp expects the same of
// the GPU's.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "take_outcome_expectations.hpp"

namespace gridrun {
namespace {

/// Many networks, in several groups on each of three threads.
TestSweep many_networks(std::uint32_t iterations) {
  std::vector<double> values;
  std::vector<std::uint32_t> labels;
  for (std::uint32_t i = 0; i < 40; ++i) {
    values.push_back(i % 5 * 0.25);
    values.push_back(i % 7 * 0.125);
    labels.push_back(i % 3);
  }
  std::vector<StudyNetwork> networks;
  for (int lr = 0; lr < 60; ++lr)
    for (const int fraction : {8, 10, 12, 14, 16, 18}) networks.push_back({lr, fraction});
  return make_study(2, std::move(values), std::move(labels), 3, std::move(networks), iterations);
}

/// The same beyond the study: with a bias, and batches of many sizes, which keep groups apart.
StagedSweep beyond_the_study(const TestSweep& sweep) {
  StagedSweep staged = sweep.staged();
  for (std::size_t n = 0; n < staged.networks.size(); ++n) {
    staged.networks[n].bias = true;
    staged.networks[n].batch = 1U << n % 5;
  }
  return staged;
}

enum class Kind { reference, study, general };

class TakeOutcomeOf : public ::testing::TestWithParam<std::tuple<Kind, unsigned>> {
 protected:
  StagedSweep staged() const {
    return kind == Kind::general ? beyond_the_study(sweep) : sweep.staged();
  }

  const Kind kind = std::get<0>(GetParam());
  const unsigned threads = std::get<1>(GetParam());
  std::unique_ptr<Engine> engine = make_engine();
  TestSweep sweep = many_networks(1600);

 private:
  std::unique_ptr<Engine> make_engine() const {
    if (kind == Kind::reference) return std::make_unique<ReferenceEngine>(threads);
    return std::make_unique<CpuEngine>(threads);
  }
};

TEST_P(TakeOutcomeOf, EveryNetworkOnce) {
  sweep = many_networks(160);
  expect_taken_once_each(*engine, staged());
  sweep.study.keep_weights = true;
  expect_taken_once_each(*engine, staged());
  sweep.held_out = {3, 1, 4};
  expect_taken_once_each(*engine, staged());
  sweep.study.keep_weights = false;
  expect_taken_once_each(*engine, staged());
}

TEST_P(TakeOutcomeOf, IsCalledBeforeAllIsTrained) {
  expect_interrupted_early(*engine, staged(), all_steps(staged()) / 2);
}

TEST_P(TakeOutcomeOf, EndsTheTrainingByAnException) {
  expect_ended_by_take(*engine, staged(), all_steps(staged()) / 2);
  sweep.held_out = {3, 1, 4};  // the study's networks are all trained before one is judged
  expect_ended_by_take(*engine, staged(), all_steps(staged()));
}

std::string name_of(const ::testing::TestParamInfo<TakeOutcomeOf::ParamType>& test) {
  const auto [kind, threads] = test.param;
  const char* const name = kind == Kind::reference ? "reference"
                           : kind == Kind::study   ? "study"
                                                   : "general";
  return fmt::format("{}On{}", name, threads);
}

INSTANTIATE_TEST_SUITE_P(Engines, TakeOutcomeOf,
                         ::testing::Combine(::testing::Values(Kind::reference, Kind::study,
                                                              Kind::general),
                                            ::testing::Values(1U, 3U)),
                         name_of);

/// Many threads of few groups, which wait for one another's blocks.
TEST(TakeOutcome, AnExceptionEndsThreadsThatWait) {
  TestSweep sweep = many_networks(3 * 2048);
  sweep.study.networks.resize(40);
  for (int repeat = 0; repeat < 50; ++repeat) {
    CpuEngine engine(9);
    expect_ended_by_take(engine, sweep.staged(), all_steps(sweep.staged()));
  }
}

/// A thread in the middle of a long group, which nothing but its progress can end.
TEST(TakeOutcome, AnExceptionEndsOtherThreadsSoon) {
  TestSweep sweep = many_networks(400'000);
  sweep.study.networks.resize(50);
  StagedSweep staged = sweep.staged();
  for (NetworkSpec& spec : staged.networks) {
    spec.bias = true;
    spec.batch = 4;
  }
  staged.networks.front().batch = 1;  // in a group of its own
  std::atomic<int> taken = 0;
  std::atomic<bool> first_failed = false;
  CpuEngine engine(2);
  Progress progress;
  EXPECT_THROW(engine.train(staged, progress,
                            [&](std::size_t n, const Outcome&) {
                              if (taken++ != 0 || n != 0) return;
                              first_failed = true;
                              throw TakeFailed();
                            }),
               TakeFailed);
  EXPECT_TRUE(first_failed);
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace gridrun
