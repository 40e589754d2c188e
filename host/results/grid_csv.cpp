#include "results/grid_csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "configuration/key_value_json.hpp"

namespace gridrun {

// In quotes where it has commas: names have none, and lists have.
std::string csv_field(const KeyValue& value) {
  const std::string text = text_of(value);
  return text.find(',') == std::string::npos ? text : fmt::format("\"{}\"", text);
}

std::string csv_field(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

std::vector<std::string> csv_axes(const GridResult& result) {
  std::vector<std::string> names;
  for (const Axis& axis : result.axes) names.push_back(axis.name);
  return names;
}

std::vector<std::string> csv_place(const GridResult& result, std::size_t cell) {
  std::vector<std::string> fields;
  for (const KeyValue& value : result.values_at(cell)) fields.push_back(csv_field(value));
  return fields;
}

std::string csv_line(const std::vector<std::string>& fields) {
  return fmt::format("{}\n", fmt::join(fields, ","));
}

std::string grid_csv(const GridResult& result) {
  const std::vector<Figure> figures = figures_of(result);
  std::vector<std::string> fields = csv_axes(result);
  for (const Figure& figure : figures) fields.emplace_back(figure.name);
  std::string text = csv_line(fields);
  for (std::size_t cell = 0; cell < result.cells.size(); ++cell) {
    if (!result.is_there(cell)) continue;
    fields = csv_place(result, cell);
    for (const Figure& figure : figures)
      fields.push_back(csv_field(result.cells[cell].*figure.value));
    text += csv_line(fields);
  }
  return text;
}

}  // namespace gridrun
