// Host and device: what an engine makes of a network. Integers only, so that "the engines agree"
// means equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/arithmetic.hpp"
#include "gridrun/bits.hpp"
#include "gridrun/diagnostics.hpp"

namespace gridrun {

/// Exact sums of one layer over all updates, units and inputs.
struct LayerSums {
  WideSum abs_update = 0;  // of |u|
  WideSum dropped = 0;     // of what the learning rate dropped of u

  friend bool operator==(const LayerSums& a, const LayerSums& b) {
    return a.abs_update == b.abs_update && a.dropped == b.dropped;
  }
};

/// Weights of a network, [layer][unit][input], a bias as the last input.
using Weights = std::vector<std::vector<std::int64_t>>;

/// The record of one network's training.
struct Outcome {
  Bits right;                                 // [steps], whether each step was right
  std::vector<LayerSums> layers;              // [layers]
  std::uint64_t weights_digest = 0;           // of the final master weights
  Bits held_out_right;                        // [held-out samples], by the final weights
  Weights weights;                            // the final master weights, if the sweep keeps them
  std::vector<LayerDiagnostics> diagnostics;  // [layers], if the sweep diagnoses, else empty

  explicit Outcome(std::size_t steps = 0, std::size_t layer_count = 1)
      : right(steps), layers(layer_count) {}

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// One outcome a network, in the order of StagedSweep::networks.
using Outcomes = std::vector<Outcome>;

}  // namespace gridrun
