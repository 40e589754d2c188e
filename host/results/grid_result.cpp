#include "results/grid_result.hpp"

#include "configuration/cells.hpp"

namespace gridrun {

std::vector<KeyValue> GridResult::values_at(std::size_t cell) const {
  return gridrun::values_at(axes, cell);
}

const std::vector<Figure>& all_figures() {
  static const std::vector<Figure> figures = {{"accuracy", &CellResult::accuracy},
                                              {"mean_update", &CellResult::mean_update},
                                              {"mean_error", &CellResult::mean_error},
                                              {"test_accuracy", &CellResult::test_accuracy},
                                              {"chance", &CellResult::chance},
                                              {"recent_accuracy", &CellResult::recent_accuracy},
                                              {"recent_chance", &CellResult::recent_chance},
                                              {"test_chance", &CellResult::test_chance}};
  return figures;
}

std::vector<Figure> figures_of(const GridResult& grid) {
  constexpr std::size_t always = 3;
  const auto first = all_figures().begin();
  return {first, first + always + grid.holds_out};
}

}  // namespace gridrun
