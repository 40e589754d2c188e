// Makes networks ready to train.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/staged_sweep.hpp"
#include "gridrun/sweep.hpp"
#include "staging/network_inputs.hpp"

namespace gridrun {

/// What the outcomes of networks in fixed point have beside what all have.
struct Kept {
  bool weights = false;
  bool diagnostics = false;
};

/// Draws what networks train on and start from: once for all that have equal draws and layers, as
/// long as they come soon one after the other. Safe to share by threads.
class Stager {
 public:
  /// The data set outlives this, and this all that is staged.
  explicit Stager(const Dataset& dataset, Normalise normalise = Normalise::none);

  /// The data as a network sees them, normalised.
  const Dataset& dataset_of(const NetworkSpec& network) const;

  /// Throws RequestError naming the key where a network does not fit the data, or a number of it
  /// does not fit 64 bits.
  void check(const NetworkSpec& network) const;

  /// How many samples are held out of a network that has been checked.
  std::size_t held_out_of(const NetworkSpec& network) const;

  /// The networks, at least one, which have been checked, ready to train. All have the same draws,
  /// layers, iterations and arithmetic. Weights are kept of fixed-point numbers only.
  StagedSweep stage(std::vector<NetworkSpec> networks, const Kept& kept) const;

  /// The same without order and normals: enough to count memory.
  StagedSweep without_draws(std::vector<NetworkSpec> networks, const Kept& kept) const;

  /// Bytes that staging such a sweep takes at most.
  double memory_needed(const StagedSweep& sweep) const;

 private:
  /// What networks of equal draws and layers share.
  struct Drawn {
    Draws draws;
    std::vector<std::uint32_t> units;
    std::vector<std::uint32_t> order, held_out;  // as in StagedSweep
    std::vector<double> normals;
  };

  void check_weights(const NetworkSpec& network) const;
  Drawn draw(const NetworkSpec& network) const;
  std::shared_ptr<const Drawn> drawn_for(const NetworkSpec& network) const;

  const Dataset& dataset_;
  const NetworkInputs inputs_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const Drawn>> drawn_;  // the latest first
};

/// What the report of a sweep asks for.
Kept kept_by(const Sweep& sweep);

/// Inputs and labels: the layers of a network that is not told any.
std::vector<std::uint32_t> units_of(const Dataset& dataset);

/// A sweep whose axes leave draws, layers and iterations alone, whole, of inputs as they are: not
/// normalised. Throws RequestError as
/// Stager::check() does.
StagedSweep stage(const Sweep& sweep, const Dataset& dataset);

}  // namespace gridrun
