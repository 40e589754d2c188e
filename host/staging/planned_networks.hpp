// The networks of a plan by their numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "configuration/cells.hpp"
#include "gridrun/key_value.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/sweep.hpp"
#include "staging/plan.hpp"

namespace gridrun {

/// Resolves one at a time: a million of them need not be held.
class PlannedNetworks {
 public:
  /// Of a plan of this sweep; both outlive this. `units_of_data` as in network_of().
  PlannedNetworks(const Sweep& sweep, const Plan& plan,
                  const std::vector<std::uint32_t>& units_of_data)
      : plan_(plan), units_of_data_(units_of_data), cells_(sweep), axes_(sweep.axes) {}

  /// From one thread at a time, while others may call axes_of().
  NetworkSpec at(std::uint32_t network);

  /// The network's values of the axes; a baseline has none of those that it does not depend on.
  std::vector<std::optional<KeyValue>> axes_of(std::uint32_t network) const;

 private:
  const Plan& plan_;
  const std::vector<std::uint32_t> units_of_data_;
  Cells cells_;
  const std::vector<Axis>& axes_;
};

}  // namespace gridrun
