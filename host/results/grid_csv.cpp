#include "results/grid_csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <iterator>

#include "configuration/key_value_json.hpp"

namespace gridrun {

// In quotes where it has commas: names have none, and lists have.
std::string csv_field(const KeyValue& value) {
  const std::string text = text_of(value);
  return text.find(',') == std::string::npos ? text : fmt::format("\"{}\"", text);
}

std::string csv_field(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

std::string grid_csv(const GridResult& result) {
  const std::vector<Figure> figures = figures_of(result);
  std::vector<std::string> columns;
  for (const Axis& axis : result.axes) columns.push_back(axis.name);
  for (const Figure& figure : figures) columns.emplace_back(figure.name);
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));

  auto out = std::back_inserter(text);
  for (std::size_t cell = 0; cell < result.cells.size(); ++cell) {
    if (!result.is_there(cell)) continue;
    bool is_first = true;
    for (const KeyValue& value : result.values_at(cell)) {
      fmt::format_to(out, "{}{}", is_first ? "" : ",", csv_field(value));
      is_first = false;
    }
    for (const Figure& figure : figures)
      fmt::format_to(out, ",{}", csv_field(result.cells[cell].*figure.value));
    text += '\n';
  }
  return text;
}

}  // namespace gridrun
