#include "results/diagnostics_csv.hpp"

#include <fmt/format.h>

#include "results/grid_csv.hpp"

namespace gridrun {

std::string diagnostics_csv(const GridResult& result) {
  std::vector<std::string> fields = csv_axes(result);
  fields.insert(fields.end(), {"layer", "label"});
  for (const char* tensor : tensor_names)
    for (const char* count : {"bits", "integer", "overflowed"})
      fields.push_back(fmt::format("{}_{}", tensor, count));
  fields.insert(fields.end(), {"updates", "lost", "inactive", "last_inactive", "drift"});
  std::string text = csv_line(fields);
  for (std::size_t cell = 0; cell < result.diagnostics.size(); ++cell) {
    const std::vector<LayerCounts>& layers = result.diagnostics[cell];
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      const LayerCounts& of = layers[layer];
      fields = csv_place(result, cell);
      fields.push_back(fmt::format("{}", layer + 1));
      fields.push_back(result.label_text(cell));
      for (std::size_t tensor = 0; tensor < tensor_count; ++tensor) {
        const auto which = static_cast<Tensor>(tensor);
        if ((which == Tensor::input && layer > 0) || (which == Tensor::weight && !of.has_copies)) {
          fields.insert(fields.end(), 3, "");
          continue;
        }
        const auto& [overflowed, bits] = of.counts.tensor[tensor];
        fields.push_back(fmt::format("{}", bits));
        fields.push_back(fmt::format("{}", bits - of.fraction[tensor]));
        fields.push_back(fmt::format("{}", overflowed));
      }
      for (const std::uint64_t count :
           {of.counts.updates, of.counts.lost, of.counts.inactive, of.counts.last_inactive})
        fields.push_back(fmt::format("{}", count));
      fields.push_back(csv_field(of.drift));
      text += csv_line(fields);
    }
  }
  return text;
}

}  // namespace gridrun
