#include "results/figures_csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "results/grid_csv.hpp"
#include "results/metric.hpp"

namespace gridrun {

std::string figures_csv(const GridResult& result) {
  constexpr Metric metrics[] = {Metric::accuracy, Metric::recent_accuracy, Metric::test_accuracy};
  std::vector<std::string> fields;
  for (const Axis& axis : result.axes) fields.push_back(axis.name);
  for (const Figure& figure : all_figures()) fields.emplace_back(figure.name);
  fields.emplace_back("held_out");
  if (result.has_baselines())
    for (const Metric metric : metrics) fields.push_back("baseline_" + name_of(metric));
  if (!result.labels.empty()) fields.emplace_back("label");
  std::string text = fmt::format("{}\n", fmt::join(fields, ","));
  for (std::size_t cell = 0; cell < result.cells.size(); ++cell) {
    if (!result.is_there(cell)) continue;
    fields.clear();
    for (const KeyValue& value : result.values_at(cell)) fields.push_back(csv_field(value));
    for (const Figure& figure : all_figures())
      fields.push_back(csv_field(result.cells[cell].*figure.value));
    fields.push_back(csv_field(result.cells[cell].held_out));
    if (result.has_baselines())
      for (const Metric metric : metrics)
        fields.push_back(csv_field(value_of(result.baseline(cell), metric)));
    if (!result.labels.empty()) fields.push_back(result.label_text(cell));
    text += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return text;
}

}  // namespace gridrun
