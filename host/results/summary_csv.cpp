#include "results/summary_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/bootstrap.hpp"
#include "results/grid_csv.hpp"

namespace gridrun {
namespace {

bool is_seed(const Axis& axis) { return axis.name == "train.seed"; }

void add_estimate(std::vector<std::string>& fields, const std::vector<double>& values,
                  Bootstrap& bootstrap) {
  if (values.empty()) {
    fields.insert(fields.end(), 3, "");
    return;
  }
  const Estimate estimate = bootstrap.mean(values);
  for (const double value : {estimate.middle, estimate.low, estimate.high})
    fields.push_back(csv_field(value));
}

}  // namespace

bool has_seeds(const GridResult& result) {
  return std::any_of(result.axes.begin(), result.axes.end(), is_seed);
}

std::string summary_csv(const GridResult& result) {
  const auto seed_axis = std::find_if(result.axes.begin(), result.axes.end(), is_seed);
  std::size_t stride = 1;  // cells between two seeds
  for (auto axis = seed_axis + 1; axis != result.axes.end(); ++axis) stride *= axis->values.size();
  const std::size_t seeds = seed_axis->values.size();

  std::vector<std::string> fields;
  for (const Axis& axis : result.axes)
    if (!is_seed(axis)) fields.push_back(axis.name);
  fields.emplace_back("seeds");
  for (const Figure& figure : all_figures())
    for (const char* part : {"", "_low", "_high"})
      fields.push_back(figure.name + std::string(part));
  std::string text = csv_line(fields);

  Bootstrap bootstrap;
  for (std::size_t first = 0; first < result.cells.size(); ++first) {
    if (first / stride % seeds != 0) continue;
    std::vector<const CellResult*> cells;
    for (std::size_t seed = 0; seed < seeds; ++seed)
      if (const std::size_t cell = first + seed * stride; result.is_there(cell))
        cells.push_back(&result.cells[cell]);
    if (cells.empty()) continue;
    fields.clear();
    const std::vector<KeyValue> place = result.values_at(first);
    for (std::size_t axis = 0; axis < place.size(); ++axis)
      if (!is_seed(result.axes[axis])) fields.push_back(csv_field(place[axis]));
    fields.push_back(fmt::format("{}", cells.size()));
    for (const Figure& figure : all_figures()) {
      std::vector<double> values;
      for (const CellResult* cell : cells)
        if (const double value = cell->*figure.value; !std::isnan(value)) values.push_back(value);
      add_estimate(fields, values, bootstrap);
    }
    text += csv_line(fields);
  }
  return text;
}

}  // namespace gridrun
