// From an engine's integers to a network's figures and what a store keeps of it.
#pragma once

#include <cstdint>
#include <vector>

#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"
#include "gridrun/sweep.hpp"
#include "results/chance.hpp"
#include "results/grid_result.hpp"
#include "results/stored_network.hpp"

namespace gridrun {

/// The only place where outcomes become reals. docs/arithmetic.md, part 8.
class Summariser {
 public:
  /// Keeps what the sweep's report needs: the steps that accuracy is smoothed over, or for curves
  /// all of them.
  explicit Summariser(const Sweep& sweep);

  /// The filter whose value at the last step is the accuracy.
  const std::vector<double>& smoothing() const { return smoothing_; }

  /// All figures but those of chance. `held_out` samples judged the final weights.
  CellResult figures(const NetworkSpec& network, const Outcome& outcome,
                     std::uint32_t held_out) const;

  /// What a store keeps but for identity, axes, engine and time.
  StoredNetwork record(const NetworkSpec& network, Outcome&& outcome, std::uint32_t held_out,
                       const ChanceLevels& chance) const;

 private:
  std::vector<double> smoothing_;
  bool keeps_all_steps_;
};

/// The figures that a store keeps, read back.
CellResult figures_of(const StoredNetwork& stored);

}  // namespace gridrun
