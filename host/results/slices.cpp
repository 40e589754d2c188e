#include "results/slices.hpp"

#include <optional>

namespace gridrun {
namespace {

std::vector<int> integers(const Axis& axis) {
  std::vector<int> values;
  for (const KeyValue& value : axis.values)
    values.push_back(static_cast<int>(std::get<std::int64_t>(value)));
  return values;
}

/// Cells of a grid between two values of an axis.
std::size_t stride_of(const GridResult& grid, std::size_t axis) {
  std::size_t stride = 1;
  while (++axis < grid.axes.size()) stride *= grid.axes[axis].values.size();
  return stride;
}

std::optional<std::size_t> find(const GridResult& grid, const char* name) {
  for (std::size_t axis = 0; axis < grid.axes.size(); ++axis)
    if (grid.axes[axis].name == name) return axis;
  return std::nullopt;
}

/// The axis across tables, if there is one.
std::optional<std::size_t> find_columns(const GridResult& grid) {
  const auto fraction = find(grid, "fraction");
  return fraction ? fraction : find(grid, "bits");
}

}  // namespace

std::size_t count_slices(const GridResult& grid) {
  const auto columns = find_columns(grid);
  const std::size_t of_table = grid.axes[find(grid, "lr").value()].values.size() *
                               (columns ? grid.axes[*columns].values.size() : 1);
  return grid.cells.size() / of_table;
}

std::vector<Slice> slices_of(const GridResult& grid) {
  const std::size_t rows = find(grid, "lr").value();
  const auto columns = find_columns(grid);
  Slice table;
  table.lr = integers(grid.axes[rows]);
  table.precision = columns ? PrecisionAxis{grid.axes[*columns].name, integers(grid.axes[*columns])}
                            : PrecisionAxis{"", {0}};
  table.holds_out = grid.holds_out;
  const std::size_t down = stride_of(grid, rows), across = columns ? stride_of(grid, *columns) : 0;

  std::vector<Slice> slices;
  for (std::size_t first = 0; first < grid.cells.size(); ++first) {
    // The first cell of a table has the first value of both of its axes.
    if (first / down % table.lr.size() != 0) continue;
    if (columns && first / across % table.precision.values.size() != 0) continue;
    Slice slice = table;
    bool is_whole = true;
    for (std::size_t row = 0; row < slice.lr.size(); ++row)
      for (std::size_t column = 0; column < slice.precision.values.size(); ++column) {
        const std::size_t cell = first + row * down + column * across;
        is_whole = is_whole && grid.is_there(cell);
        slice.cells.push_back(grid.cells[cell]);
      }
    if (!is_whole) continue;
    const std::vector<KeyValue> values = grid.values_at(first);
    for (std::size_t axis = 0; axis < values.size(); ++axis)
      if (axis != rows && axis != columns)
        slice.held.push_back({grid.axes[axis].name, values[axis]});
    slices.push_back(std::move(slice));
  }
  return slices;
}

}  // namespace gridrun
