// The order in which the networks of a sweep are trained, and which of them together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "gridrun/identity.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// One part of a sweep of so many: 1 of 1 is all of it.
struct Shard {
  std::uint32_t part = 1;
  std::uint32_t parts = 1;

  friend bool operator==(const Shard&, const Shard&) = default;
};

/// Networks that are staged and trained together, by their numbers in a plan.
struct Batch {
  std::vector<std::uint32_t> networks;
  std::uint64_t steps = 0;  // of all of them
};

/// What is to be trained of a sweep. Its networks have numbers: those of the grid that of their
/// cell; a baseline for all cells that differ in precision only follows them.
class Plan {
 public:
  /// Resolves every network, and has `check` see it, the grid's first. Throws RequestError where
  /// one cannot be, or where two cells are the same network, and what `check` throws.
  Plan(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data, const Identity& data,
       const Shard& shard, const std::function<void(const NetworkSpec&)>& check);

  /// Networks of the whole sweep.
  std::size_t size() const { return networks_.size(); }

  /// Cells of the whole grid.
  std::size_t grid_size() const { return networks_.size() - baselines_.size(); }

  bool is_baseline(std::uint32_t network) const { return network >= grid_size(); }

  /// The baseline of a cell; none where the sweep has none.
  std::optional<std::uint32_t> baseline_of(std::uint32_t cell) const;

  /// The network's cell; of a baseline, the first that it is the baseline of.
  std::uint32_t cell_of(std::uint32_t network) const {
    return is_baseline(network) ? baselines_[network - grid_size()].cell : network;
  }

  /// Of a baseline, the fraction of the format `master` that init.unit = "lsb" is of: the largest
  /// of its cells, whatever the shard.
  int fraction_of(std::uint32_t baseline) const {
    return baselines_[baseline - grid_size()].fraction;
  }

  /// The network of an identity, of the whole sweep.
  std::optional<std::uint32_t> find(const Identity& identity) const;

  /// The networks of the shard, in their order, and the identity of each.
  const std::vector<std::uint32_t>& networks() const { return shard_; }
  const Identity& identity_of(std::uint32_t network) const { return networks_[network].identity; }

  /// How long a network takes to train, in updates of a weight by the study's kernels: an estimate.
  double work_of(std::uint32_t network) const { return networks_[network].work; }

  /// The shard's networks that are `wanted`, in batches of about so many updates of a weight each.
  /// What a partial sweep has is spread over the grid: the ends of its axes come first, then the
  /// middles between.
  std::vector<Batch> batches(const std::function<bool(std::uint32_t)>& wanted,
                             double updates) const;

 private:
  struct Network {
    Network(const NetworkSpec& spec, const Identity& data, std::uint8_t of_level);

    Identity identity;
    std::uint64_t together;  // equal for networks that one call of an engine may train
    std::uint32_t iterations;
    float updates;  // of a weight
    float work;
    std::uint8_t level;  // of refinement
  };
  struct Baseline {
    std::uint32_t cell;
    int fraction;
  };

  void add_baselines(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data,
                     const Identity& data, const std::function<void(const NetworkSpec&)>& check);
  void refuse_one_twice(const Sweep& sweep) const;
  std::vector<std::uint32_t> numbers_of(const Shard& shard) const;

  std::vector<Network> networks_;           // [network]
  std::vector<Baseline> baselines_;         // [network - grid size]
  std::vector<std::uint32_t> baseline_of_;  // [cell]; empty where there are none
  std::vector<std::uint32_t> by_identity_;  // all networks
  std::vector<std::uint32_t> shard_;
};

}  // namespace gridrun
