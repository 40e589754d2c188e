// What the tests of the cuda engine share: the engine on the device of the program, and a sweep.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "batched_engine.hpp"
#include "cuda_test_device.hpp"
#include "test_sweep.hpp"

namespace gridrun::cuda {

/// Tests that are skipped where there is no device.
class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!make_test_device(0, why)) GTEST_SKIP() << "no CUDA device: " << why;
  }

  static BatchedEngine engine(const Tuning& tuning = {}, std::uint64_t seed = 1) {
    std::string why;
    return BatchedEngine(make_test_device(seed, why), tuning);
  }

  /// The shapes of the fewest lanes: the cheapest to emulate.
  static Tuning least_lanes() {
    Tuning tuning;
    tuning.narrow_shape = Shape{4, 4};
    tuning.wide_shape = Shape{4, 1};
    return tuning;
  }

  /// A sweep of dense reals that diverges past any word: linear, and with steep learning rates.
  static TestSweep diverging_sweep(std::vector<StudyNetwork> networks, std::int64_t weight = 100) {
    constexpr std::size_t samples = 7, inputs = 11, outputs = 3;
    std::vector<double> values;
    for (std::size_t i = 0; i < samples * inputs; ++i)
      values.push_back(static_cast<double>(i * 37 % 64) / 32 - 0.75);
    TestSweep test = make_study(inputs, std::move(values), {0, 1, 2, 0, 1, 2, 0}, outputs,
                                std::move(networks), 90);
    test.study.weights.assign(inputs * outputs, weight);
    test.study.activation = Activation::linear;
    test.description = "diverging sweep";
    return test;
  }
};

}  // namespace gridrun::cuda
