// Sweeps for tests: random small ones, and the two studies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/engine.hpp"
#include "staged_study.hpp"

namespace gridrun {

/// A sweep of the study's arithmetic together with the data set that it points to.
struct TestSweep {
  std::unique_ptr<Dataset> dataset;
  StudySweep study;
  std::vector<std::uint32_t> held_out;  // samples that judge the final weights, or none
  std::string description;              // for failure messages

  StagedSweep staged() const {
    StagedSweep staged = staged_study(study);
    staged.held_out = held_out;
    return staged;
  }
};

/// A sweep of relu networks over given samples, [samples][inputs] at scale 1, in their order, to be
/// changed before use. Weights are small and differ.
TestSweep make_study(std::size_t inputs, std::vector<double> values,
                     std::vector<std::uint32_t> labels, std::size_t outputs,
                     std::vector<StudyNetwork> networks, std::uint32_t iterations);

/// A random small sweep, the same for the same seed: 1 to 40 inputs, 1 to 12 neurons, 1 to 70
/// samples, 1 to 150 steps, any shifts, both activations; bytes or reals with negatives, dense to
/// empty samples; weights from a few units up to the whole 64-bit range, so that many diverge past
/// 32 bits and some past 64. Half of them keep their weights, and half hold out samples, some of
/// which they also train on.
TestSweep random_sweep(std::uint32_t seed);

/// A shipped configuration ("digits.toml"), staged after overrides ("train.iterations=500").
TestSweep shipped_sweep(const std::string& configuration,
                        const std::vector<std::string>& overrides = {});

/// The directory of MNIST: $GRIDRUN_MNIST or data/mnist, whichever exists first.
std::optional<std::filesystem::path> mnist_directory();

/// What the reference engine makes of a sweep.
Outcomes reference_outcomes(const StagedSweep& sweep);

/// Expects that `engine` returns exactly the reference engine's outcomes.
void expect_same_as_reference(Engine& engine, const TestSweep& sweep);

}  // namespace gridrun
