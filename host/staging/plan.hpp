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

/// Networks that are staged and trained together, by their cells.
struct Batch {
  std::vector<std::uint32_t> cells;
  std::uint64_t steps = 0;  // of all its networks
};

/// What is to be trained of a sweep.
class Plan {
 public:
  /// Resolves every cell, and has `check` see it. Throws RequestError where one cannot be, or where
  /// two cells are the same network, and what `check` throws.
  Plan(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data, const Identity& data,
       const Shard& shard, const std::function<void(const NetworkSpec&)>& check);

  /// Cells of the whole grid.
  std::size_t grid_size() const { return networks_.size(); }

  /// The cell of an identity, of the whole grid.
  std::optional<std::uint32_t> cell_of(const Identity& identity) const;

  /// The cells of the shard, in the grid's order, and the identity of each.
  const std::vector<std::uint32_t>& cells() const { return cells_; }
  const Identity& identity_of(std::uint32_t cell) const { return networks_[cell].identity; }

  /// How long a network takes to train, in updates of a weight by the study's kernels: an estimate.
  double work_of(std::uint32_t cell) const { return networks_[cell].work; }

  /// The shard's cells that are `wanted`, in batches of about so many updates of a weight each.
  /// What a partial sweep has is spread over the grid: the ends of its axes come first, then the
  /// middles between.
  std::vector<Batch> batches(const std::function<bool(std::uint32_t)>& wanted,
                             double updates) const;

 private:
  struct Network {
    Identity identity;
    std::uint64_t together = 0;  // equal for networks that one call of an engine may train
    std::uint32_t iterations = 0;
    float updates = 0;  // of a weight
    float work = 0;
    std::uint8_t level = 0;  // of refinement
  };

  std::vector<Network> networks_;           // [cell]
  std::vector<std::uint32_t> by_identity_;  // all cells
  std::vector<std::uint32_t> cells_;
};

}  // namespace gridrun
