#include "results/grid_csv.hpp"

#include <fmt/format.h>

#include <iterator>

namespace gridrun {

std::string grid_csv(const GridResult& result) {
  std::string text = "lr,fraction,accuracy,mean_update,mean_error\n";
  auto out = std::back_inserter(text);
  for (std::size_t row = 0; row < result.lr.size(); ++row)
    for (std::size_t column = 0; column < result.fraction.size(); ++column) {
      const CellResult& cell = result.at(row, column);
      fmt::format_to(out, "{},{},{},{},{}\n", result.lr[row], result.fraction[column],
                     cell.accuracy, cell.mean_update, cell.mean_error);
    }
  return text;
}

}  // namespace gridrun
