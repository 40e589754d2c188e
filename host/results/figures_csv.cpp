#include "results/figures_csv.hpp"

#include "configuration/keys.hpp"
#include "results/grid_csv.hpp"
#include "results/metric.hpp"

namespace gridrun {

std::string figures_csv(const GridResult& result) {
  std::vector<std::string> fields = csv_axes(result);
  for (const Figure& figure : all_figures()) fields.emplace_back(figure.name);
  fields.emplace_back("held_out");
  if (result.has_baselines())
    for (const Metric metric : all_metrics) fields.push_back("baseline_" + name_of(metric));
  if (!result.labels.empty()) fields.emplace_back("label");
  std::string text = csv_line(fields);
  for (std::size_t cell = 0; cell < result.cells.size(); ++cell) {
    if (!result.is_there(cell)) continue;
    fields = csv_place(result, cell);
    for (const Figure& figure : all_figures())
      fields.push_back(csv_field(result.cells[cell].*figure.value));
    fields.push_back(csv_field(result.cells[cell].held_out));
    if (result.has_baselines())
      for (const Metric metric : all_metrics)
        fields.push_back(csv_field(value_of(result.baseline(cell), metric)));
    if (!result.labels.empty()) fields.push_back(result.label_text(cell));
    text += csv_line(fields);
  }
  return text;
}

}  // namespace gridrun
