#include "base/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "peak_memory.hpp"
#include "staged_study.hpp"

namespace gridrun {
namespace {

TEST(Memory, IsNoMoreThanTheMachineHas) {
  const auto physical = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  EXPECT_GT(available_memory(), 0U);
  EXPECT_LE(available_memory(), physical);
}

TEST(Memory, TheLimitOfTheAddressSpaceCounts) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  constexpr std::uint64_t left = 100 << 20;
  EXPECT_EXIT(
      {
        limit_address_space(left);
        const std::uint64_t available = available_memory();
        std::exit(available <= left && available > left / 2 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Memory, WhatIsNotThereIsRefused) {
  require_memory(0, "nothing");
  const std::string message =
      message_of<RequestError>([] { require_memory(0x1p60, "grid.lr = [0, 62]"); });
  EXPECT_EQ(message.find("grid.lr = [0, 62]: 1073741824.0 GiB of memory needed, "), 0U) << message;
  EXPECT_EQ(message.substr(message.size() - 14), " GiB available");
}

TEST(Memory, KeepsAReserve) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  EXPECT_EXIT(
      {
        limit_address_space(rlim_t{20} << 20);
        require_memory(10 << 20, "half");
        std::fputs(message_of<RequestError>([] { require_memory(14 << 20, "most"); }).c_str(),
                   stderr);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0),
      "^most: 14.0 MiB of memory needed, 1[0-2].[0-9] MiB available$");
}

TEST(Memory, AnyLackIsSeenInTheMessage) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  EXPECT_EXIT(
      {
        limit_address_space(1 << 20);
        std::fputs(message_of<RequestError>([] { require_memory(1, "a byte"); }).c_str(), stderr);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "^a byte: 0.1 MiB of memory needed, 0.0 MiB available$");
}

TEST(Memory, ThreadsTakeLittleOfALimitedAddressSpace) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes the whole address space";
  EXPECT_EXIT(
      {
        limit_address_space(rlim_t{1} << 30);
        spare_address_space();
        const double before = status_bytes("VmSize:");
        double with_thread = 0;
        std::thread([&] {
          const std::vector<char> memory(1000);
          with_thread = status_bytes("VmSize:");
        }).join();
        std::exit(with_thread - before < 2 << 20 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

void drop(std::size_t, const Outcome&) {}

/// What a training holds beside its sweep and what is taken from it.
class MemoryNeeded : public ::testing::Test {
 protected:
  void SetUp() override {
    if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes more";
    dataset.samples = dataset.train_samples = 1000;
    study.dataset = &dataset;
    study.iterations = 1000;
    study.networks.clear();
    for (int lr = 5; lr < 21; ++lr)
      for (const int fraction : {8, 12, 23}) study.networks.push_back({lr, fraction});
  }

  /// Completes the sweep for so many inputs and outputs.
  void shape(std::size_t inputs, std::size_t outputs) {
    study.inputs = dataset.inputs = inputs;
    study.outputs = outputs;
    study.weights.assign(inputs * outputs, 100);
    study.order.assign(dataset.samples, 0);
    for (std::size_t i = 0; i < dataset.samples; ++i)
      study.order[i] = static_cast<std::uint32_t>(i);
    dataset.labels.assign(dataset.samples, 0);
  }

  /// Many weights, most of which no step touches; so many steps that all neurons are in work.
  void shape_for_weights() {
    constexpr std::size_t inputs = 2000;
    std::vector<std::uint8_t> bytes(dataset.samples * inputs);
    for (std::size_t i = 0; i < dataset.samples; ++i) bytes[i * inputs] = 1;
    dataset.values = std::move(bytes);
    study.iterations = 3000;
    shape(inputs, 400);
  }

  /// `bound` is how often the measured bytes an estimate may be.
  void expect_honest(Engine& engine, double bound = 2) {
    constexpr double slack = 64 << 20;
    StagedSweep staged = staged_study(study);
    staged.held_out = held_out;
    const double estimate = engine.memory_needed(staged);
    const double measured = peak_growth([&] {
      Progress progress;
      engine.train(staged, progress, drop);
    });
    EXPECT_GT(measured, 8 << 20) << "too small to tell";
    EXPECT_LE(measured, estimate + (4 << 20));  // stacks of threads, and pages begun
    EXPECT_LE(estimate, bound * measured + slack);
  }

  Dataset dataset;
  StudySweep study;
  std::vector<std::uint32_t> held_out;
};

TEST_F(MemoryNeeded, OfWeights) {
  shape_for_weights();
  for (const unsigned threads : {1U, 2U, 7U}) {
    CpuEngine cpu(threads);
    expect_honest(cpu, 3);  // lanes might have left 32 bits
  }
  study.networks.resize(8);
  study.iterations = 1;
  ReferenceEngine reference(4);
  expect_honest(reference);
}

TEST_F(MemoryNeeded, OfWideWeights) {
  shape_for_weights();
  for (StudyNetwork& network : study.networks) network.fraction += 20;
  CpuEngine cpu(2);
  expect_honest(cpu);
  study.networks.resize(15);  // five of a fraction, which are mixed
  expect_honest(cpu, 4);      // as if they were three groups
}

TEST_F(MemoryNeeded, OfFewDistinctReals) {
  dataset.values = std::vector<double>(dataset.samples * 1000, 0.5);
  shape(1000, 1);
  study.outputs = 100'000;
  study.weights.clear();  // not drawn yet
  study.networks.resize(15);
  constexpr double weights = 16 * 12 * 1000.0 * 100'000;
  EXPECT_LT(CpuEngine(1).memory_needed(staged_study(study)), 1.2 * 3 * weights + (1 << 30));
}

/// What networks beyond the study take, on the cpu engine.
void expect_honest_beyond_the_study(StagedSweep staged, unsigned threads) {
  CpuEngine engine(threads);
  staged.normals.clear();  // as before they are drawn
  const double estimate = engine.memory_needed(staged);
  std::size_t weights = 0;
  const NetworkSpec& spec = staged.networks.front();
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    weights += spec.inputs_of(layer) * spec.units_of(layer);
  staged.normals.assign(weights, 0.5);
  const double measured = peak_growth([&] {
    Progress progress;
    engine.train(staged, progress, drop);
  });
  EXPECT_GT(measured, 8 << 20) << "too small to tell";
  EXPECT_LE(measured, estimate + (4 << 20));
  EXPECT_LE(estimate, 2 * measured + (64 << 20));
}

TEST_F(MemoryNeeded, OfHiddenLayers) {
  std::vector<std::uint8_t> bytes(dataset.samples * 800);
  for (std::size_t i = 0; i < bytes.size(); i += 5) bytes[i] = static_cast<std::uint8_t>(i);
  dataset.values = std::move(bytes);
  dataset.scale = 255;
  shape(800, 10);
  study.iterations = 100;
  StagedSweep staged = staged_study(study);
  for (NetworkSpec& spec : staged.networks) {
    spec.units = {800, 500, 400, 10};
    spec.bias = true;
  }
  expect_honest_beyond_the_study(staged, 2);  // words of 64 bits
  for (NetworkSpec& spec : staged.networks)
    for (Format* format : {&spec.formats.input, &spec.formats.master, &spec.formats.weight,
                           &spec.formats.activation, &spec.formats.error, &spec.formats.gradient}) {
      format->bits = 16;
      format->fraction = 8;
    }
  expect_honest_beyond_the_study(staged, 2);
  for (NetworkSpec& spec : staged.networks) spec.batch = 50;
  expect_honest_beyond_the_study(staged, 2);
  for (NetworkSpec& spec : staged.networks) {
    spec.batch = 1;
    spec.formats.gradient.round = spec.formats.master.round = Round::stochastic;
    spec.formats.weight = spec.formats.master;
    spec.formats.weight.round = Round::floor;
  }
  expect_honest_beyond_the_study(staged, 2);
  for (NetworkSpec& spec : staged.networks) spec.units = {800, 200};
  expect_honest_beyond_the_study(staged, 3);  // random words are shared
}

TEST_F(MemoryNeeded, OfBinary64) {
  std::vector<std::uint8_t> bytes(dataset.samples * 800, 1);
  dataset.values = std::move(bytes);
  shape(800, 10);
  study.iterations = 300;
  study.networks.resize(3);
  StagedSweep staged = staged_study(study);
  for (const std::uint32_t batch : {1U, 100U, 300U})
    for (const unsigned threads : {1U, 2U}) {
      for (NetworkSpec& spec : staged.networks) {
        spec.arithmetic = Arithmetic::binary64;
        spec.units = {800, 700, 600, 10};
        spec.batch = batch;
      }
      expect_honest_beyond_the_study(staged, threads);
    }
}

TEST_F(MemoryNeeded, OfSamples) {
  std::vector<double> reals;
  for (std::size_t i = 1; i <= dataset.samples * 1000; ++i)
    reals.push_back(static_cast<double>(i % 1000003) / 1000003);
  dataset.values = std::move(reals);
  shape(1000, 1);
  for (const unsigned threads : {1U, 4U}) {
    CpuEngine cpu(threads);
    expect_honest(cpu);
  }
}

/// Of the networks in work only.
TEST_F(MemoryNeeded, OfOutcomes) {
  dataset.values = std::vector<std::uint8_t>(dataset.samples, 0);
  study.iterations = 2'000'000;
  shape(1, 1);
  study.networks.resize(400, {7, 12});
  CpuEngine cpu(2);
  expect_honest(cpu);
  const StagedSweep staged = staged_study(study);
  EXPECT_LT(cpu.memory_needed(staged), staged.outcomes_bytes() / 3);
}

TEST_F(MemoryNeeded, OfKeptWeights) {
  shape_for_weights();
  study.keep_weights = true;
  CpuEngine cpu(2);
  expect_honest(cpu, 3);  // lanes might have left 32 bits
  study.iterations = 1;
  StagedSweep staged = staged_study(study);
  for (NetworkSpec& spec : staged.networks) spec.bias = true;
  expect_honest_beyond_the_study(staged, 2);
  study.networks.resize(12);
  ReferenceEngine reference(2);
  expect_honest(reference);
  staged = staged_study(study);
  EXPECT_LT(reference.memory_needed(staged), staged.kept_weights_bytes());
}

/// Of all networks, with the weights that they are judged by.
TEST_F(MemoryNeeded, OfOutcomesToBeJudged) {
  shape_for_weights();
  shape(dataset.inputs, 40);
  study.iterations = 1;
  study.networks.resize(400, {7, 12});
  held_out = {1, 2, 3};
  for (const bool keeps : {false, true}) {
    study.keep_weights = keeps;
    CpuEngine cpu(2);
    expect_honest(cpu);
  }
}

/// Lists of networks and groups.
TEST_F(MemoryNeeded, OfManyNetworks) {
  dataset.values = std::vector<std::uint8_t>(dataset.samples, 0);
  study.iterations = 1;
  shape(1, 1);
  study.networks.clear();
  for (int n = 0; n < 300'000; ++n) study.networks.push_back({n % 63, n % 53});
  CpuEngine cpu(2);
  expect_honest(cpu);
  StagedSweep staged = staged_study(study);
  for (NetworkSpec& spec : staged.networks) spec.bias = true;
  expect_honest_beyond_the_study(std::move(staged), 2);
}

/// What networks and neurons count in.
TEST_F(MemoryNeeded, OfDiagnostics) {
  shape_for_weights();
  study.diagnose = true;
  CpuEngine cpu(2);
  expect_honest(cpu, 3);  // lanes might have left 32 bits
  dataset.values = std::vector<std::uint8_t>(dataset.samples, 0);
  study.iterations = 1;
  shape(1, 1);
  study.networks.clear();
  for (int n = 0; n < 60'000; ++n) study.networks.push_back({n % 63, n % 53});
  StagedSweep staged = staged_study(study);
  for (NetworkSpec& spec : staged.networks) spec.bias = true;
  expect_honest_beyond_the_study(std::move(staged), 2);
}

/// Networks that are trained side by side, which have arrays of their own for few units each.
TEST_F(MemoryNeeded, OfPacks) {
  constexpr int inputs = 64, units = 100, kinds = 100;
  dataset.values = std::vector<std::uint8_t>(dataset.samples * inputs, 1);
  study.iterations = 1;
  shape(inputs, units);
  study.networks.clear();
  for (int kind = 0; kind < kinds; ++kind)
    for (int lr = 1; lr <= 8; ++lr) study.networks.push_back({lr, 8});
  StagedSweep staged = staged_study(study);
  const Format format{16, 8, Round::nearest_even, Overflow::saturate, 32};
  for (std::size_t n = 0; n < staged.networks.size(); ++n) {
    staged.networks[n].formats = {format, format, format, {}, format, format, format};
    staged.networks[n].rounding_seed = static_cast<std::uint32_t>(n / 8);
  }
  for (const bool diagnose : {false, true}) {
    staged.diagnose = diagnose;
    expect_honest_beyond_the_study(staged, 2);
  }
}

}  // namespace
}  // namespace gridrun
