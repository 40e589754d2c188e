#include "staging/planned_networks.hpp"

#include "staging/baseline.hpp"

namespace gridrun {

NetworkSpec PlannedNetworks::at(std::uint32_t network) {
  const NetworkSpec of_cell = network_of(cells_.sweep_at(plan_.cell_of(network)), units_of_data_);
  return plan_.is_baseline(network) ? baseline_of(of_cell, plan_.fraction_of(network)) : of_cell;
}

std::vector<std::optional<KeyValue>> PlannedNetworks::axes_of(std::uint32_t network) const {
  std::vector<KeyValue> values = cells_.values_at(plan_.cell_of(network));
  std::vector<std::optional<KeyValue>> axes;
  for (KeyValue& value : values) axes.emplace_back(std::move(value));
  if (plan_.is_baseline(network))
    for (std::size_t axis = 0; axis < axes.size(); ++axis)
      if (is_precision_axis(axes_[axis].name)) axes[axis].reset();
  return axes;
}

}  // namespace gridrun
