#include "results/slices.hpp"

namespace gridrun {

std::vector<Slice> slices_of(const GridResult& grid) {
  constexpr std::size_t table_axes = 2;
  Slice slice;
  slice.lr = grid.axes.front().values;
  slice.precision = grid.axes.size() < table_axes ? Axis{"", {0}} : grid.axes[1];
  slice.holds_out = grid.holds_out;
  const std::size_t count = grid.cells.size() / (slice.lr.size() * slice.precision.values.size());

  std::vector<Slice> slices(count, slice);
  for (std::size_t n = 0; n < count; ++n) {
    const std::vector<int> values = grid.values_at(n);
    for (std::size_t axis = table_axes; axis < grid.axes.size(); ++axis)
      slices[n].held.push_back({grid.axes[axis].name, values[axis]});
    for (std::size_t cell = n; cell < grid.cells.size(); cell += count)
      slices[n].cells.push_back(grid.cells[cell]);
  }
  return slices;
}

}  // namespace gridrun
