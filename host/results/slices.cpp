#include "results/slices.hpp"

#include <algorithm>
#include <numeric>

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
  for (const char* name : {"fraction", "bits"})
    if (const auto axis = find(grid, name)) return axis;
  for (std::size_t axis = 0; axis < grid.axes.size(); ++axis) {
    const auto& [name, values] = grid.axes[axis];
    if (name.starts_with("precision.") &&
        std::all_of(values.begin(), values.end(), [](const KeyValue& value) {
          return std::holds_alternative<std::int64_t>(value);
        }))
      return axis;
  }
  return std::nullopt;
}

/// Numbers on an axis and how far the cells of each are from those of the axis's first value, by
/// rising numbers.
struct Line {
  std::vector<int> values;
  std::vector<std::size_t> offsets;
};

Line line_of(const GridResult& grid, std::size_t axis) {
  const std::vector<int> values = integers(grid.axes[axis]);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  Line line;
  for (const std::size_t place : order) {
    line.values.push_back(values[place]);
    line.offsets.push_back(place * stride_of(grid, axis));
  }
  return line;
}

void add_means(const std::vector<const CellResult*>& cells, CellResult& mean) {
  const auto average = [&](double CellResult::*figure) {
    double sum = 0;
    for (const CellResult* cell : cells) sum += cell->*figure;
    mean.*figure = sum / static_cast<double>(cells.size());
  };
  for (const Figure& figure : all_figures()) average(figure.value);
  average(&CellResult::held_out);
}

}  // namespace

std::size_t count_slices(const GridResult& grid) {
  const auto columns = find_columns(grid);
  const std::size_t of_table = grid.axes[find(grid, "lr").value()].values.size() *
                               (columns ? grid.axes[*columns].values.size() : 1);
  return grid.cells.size() / of_table;
}

std::vector<SeedSlices> slices_of(const GridResult& grid, std::optional<Metric> metric) {
  const std::size_t rows = find(grid, "lr").value();
  const auto columns = find_columns(grid), seeds = find(grid, "train.seed");
  const Line down = line_of(grid, rows);
  const Line across = columns ? line_of(grid, *columns) : Line{{0}, {0}};
  const auto is_first_of = [&](std::size_t cell, std::size_t axis) {
    return cell / stride_of(grid, axis) % grid.axes[axis].values.size() == 0;
  };
  const auto slice_at = [&](std::size_t first) -> std::optional<Slice> {
    Slice slice;
    slice.lr = down.values;
    slice.precision = {columns ? grid.axes[*columns].name : "", across.values};
    for (const std::size_t row : down.offsets)
      for (const std::size_t column : across.offsets) {
        if (!grid.is_there(first + row + column)) return std::nullopt;
        slice.cells.push_back(grid.cells[first + row + column]);
        slice.numbers.push_back(first + row + column);
      }
    for (const std::size_t row : down.offsets)
      if (grid.has_baselines()) slice.baselines.push_back(grid.baseline(first + row));
    const bool no_baseline =
        std::any_of(slice.baselines.begin(), slice.baselines.end(),
                    [](const CellResult& baseline) { return std::isnan(baseline.accuracy); });
    if (no_baseline) slice.baselines.clear();  // not yet trained
    slice.holds_out = all_hold_out(slice.cells);
    slice.metric =
        metric.value_or(slice.holds_out ? Metric::test_accuracy : Metric::recent_accuracy);
    const std::vector<KeyValue> values = grid.values_at(first);
    for (std::size_t axis = 0; axis < values.size(); ++axis)
      if (axis == seeds)
        slice.seed = values[axis];
      else if (axis != rows && axis != columns)
        slice.held.push_back({grid.axes[axis].name, values[axis]});
    return slice;
  };

  const std::size_t seed_count = seeds ? grid.axes[*seeds].values.size() : 1;
  const std::size_t seed_stride = seeds ? stride_of(grid, *seeds) : 0;
  std::vector<SeedSlices> slices;
  for (std::size_t first = 0; first < grid.cells.size(); ++first) {
    // The first cell of a table has the first value of both of its axes.
    if (!is_first_of(first, rows) || (columns && !is_first_of(first, *columns)) ||
        (seeds && !is_first_of(first, *seeds)))
      continue;
    SeedSlices of_seeds;
    for (std::size_t seed = 0; seed < seed_count; ++seed)
      if (auto slice = slice_at(first + seed * seed_stride)) of_seeds.push_back(*std::move(slice));
    if (!of_seeds.empty()) slices.push_back(std::move(of_seeds));
  }
  return slices;
}

Slice mean_of(const SeedSlices& seeds) {
  Slice mean = seeds.front();
  if (seeds.size() == 1) return mean;
  mean.seed.reset();
  std::vector<const CellResult*> cells(seeds.size());
  for (std::size_t cell = 0; cell < mean.cells.size(); ++cell) {
    for (std::size_t seed = 0; seed < seeds.size(); ++seed) cells[seed] = &seeds[seed].cells[cell];
    add_means(cells, mean.cells[cell]);
  }
  for (std::size_t row = 0; row < mean.baselines.size(); ++row) {
    cells.clear();
    for (const Slice& slice : seeds)
      if (!slice.baselines.empty()) cells.push_back(&slice.baselines[row]);
    add_means(cells, mean.baselines[row]);
  }
  return mean;
}

}  // namespace gridrun
