#include "results/grid_csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

namespace gridrun {

std::string grid_csv(const GridResult& result) {
  const std::vector<Figure> figures = figures_of(result);
  std::vector<std::string> columns;
  for (const Axis& axis : result.axes) columns.push_back(axis.name);
  for (const Figure& figure : figures) columns.emplace_back(figure.name);
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));

  auto out = std::back_inserter(text);
  for (std::size_t cell = 0; cell < result.cells.size(); ++cell) {
    fmt::format_to(out, "{}", fmt::join(result.values_at(cell), ","));
    for (const Figure& figure : figures)
      fmt::format_to(out, ",{}", result.cells[cell].*figure.value);
    text += '\n';
  }
  return text;
}

}  // namespace gridrun
