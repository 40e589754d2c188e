// Host and device: a staged sweep of the study's arithmetic (docs/arithmetic.md, part 9), as the
// engines that are made for it see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gridrun/arithmetic.hpp"
#include "gridrun/dataset.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// All that a network of the study may have of its own.
struct StudyNetwork {
  int lr = 0;        // the learning rate is 2^-lr, lr in 0 ... 62
  int fraction = 0;  // fraction bits of every tensor, 0 ... 52

  friend bool operator==(const StudyNetwork&, const StudyNetwork&) = default;
};

/// One layer, no bias, 64-bit wrapping words that round toward minus infinity, an update a step;
/// all networks start from the same integers.
struct StudySweep {
  const Dataset* dataset = nullptr;
  std::vector<std::uint32_t> order;   // as in StagedSweep
  std::vector<std::int64_t> weights;  // [outputs][inputs], initial, in units of the last place
  std::vector<StudyNetwork> networks;
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::uint32_t iterations = 0;
  Activation activation = Activation::relu;
  bool keep_weights = false;  // outcomes have the final weights
  bool diagnose = false;      // outcomes have diagnostics

  /// The stored sample that step i trains on.
  std::size_t sample_of_step(std::uint64_t i) const { return order[i % order.size()]; }
};

/// Whether a network has the study's arithmetic.
bool has_study_arithmetic(const NetworkSpec& spec);

/// The sweep in the study's terms, if all its networks have the study's arithmetic, the same
/// activation and the same initial weights. Outcomes keep
/// their weights also where held-out samples are still to be judged by them. Without normals, as
/// before they are drawn, it has no weights.
std::optional<StudySweep> study_of(const StagedSweep& sweep);

}  // namespace gridrun
