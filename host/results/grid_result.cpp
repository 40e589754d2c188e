#include "results/grid_result.hpp"

namespace gridrun {

std::vector<int> GridResult::values_at(std::size_t cell) const {
  std::vector<int> values(axes.size());
  for (std::size_t axis = axes.size(); axis-- > 0;) {
    const std::vector<int>& of_axis = axes[axis].values;
    values[axis] = of_axis[cell % of_axis.size()];
    cell /= of_axis.size();
  }
  return values;
}

std::vector<Figure> figures_of(const GridResult& grid) {
  std::vector<Figure> figures = {{"accuracy", &CellResult::accuracy},
                                 {"mean_update", &CellResult::mean_update},
                                 {"mean_error", &CellResult::mean_error}};
  if (grid.holds_out) figures.push_back({"test_accuracy", &CellResult::test_accuracy});
  return figures;
}

}  // namespace gridrun
