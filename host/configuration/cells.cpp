#include "configuration/cells.hpp"

#include <fmt/format.h>

#include "configuration/keys.hpp"
#include "gridrun/error.hpp"

namespace gridrun {

std::size_t count_cells(const std::vector<Axis>& axes) {
  constexpr double most = 20'000'000;
  double count = 1;
  for (const Axis& axis : axes) count *= static_cast<double>(axis.values.size());
  if (count > most)
    throw RequestError(
        fmt::format("the grid has at least {} networks, expected at most {}", count, most));
  return static_cast<std::size_t>(count);
}

Cells::Cells(const Sweep& sweep)
    : sweep_(sweep), place_(sweep.axes.size()), size_(count_cells(sweep.axes)) {
  for (const Axis& axis : sweep_.axes) {
    keys_.push_back(key_of_axis(axis.name));
    keys_.back()->set(axis.values.front(), sweep_);
  }
}

const Sweep& Cells::sweep_at(std::size_t cell) {
  if (cell == cell_) return sweep_;
  std::size_t rest = cell;
  for (std::size_t axis = place_.size(); axis-- > 0;) {
    const auto& values = sweep_.axes[axis].values;
    const std::size_t place = rest % values.size();
    rest /= values.size();
    if (place == place_[axis]) continue;
    place_[axis] = place;
    keys_[axis]->set(values[place], sweep_);
  }
  cell_ = cell;
  return sweep_;
}

std::vector<KeyValue> values_at(const std::vector<Axis>& axes, std::size_t cell) {
  std::vector<KeyValue> values(axes.size());
  for (std::size_t axis = values.size(); axis-- > 0;) {
    const auto& of_axis = axes[axis].values;
    values[axis] = of_axis[cell % of_axis.size()];
    cell /= of_axis.size();
  }
  return values;
}

std::vector<NetworkSpec> networks_of(const Sweep& sweep,
                                     const std::vector<std::uint32_t>& units_of_data) {
  Cells cells(sweep);
  std::vector<NetworkSpec> networks;
  networks.reserve(cells.size());
  for (std::size_t cell = 0; cell < cells.size(); ++cell)
    networks.push_back(network_of(cells.sweep_at(cell), units_of_data));
  return networks;
}

}  // namespace gridrun
