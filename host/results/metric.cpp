#include "results/metric.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/counted.hpp"
#include "configuration/keys.hpp"

namespace gridrun {

std::string words_of(Metric metric) {
  std::string words = name_of(metric);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string meaning_of(Metric metric, std::size_t window) {
  switch (metric) {
    case Metric::accuracy:
      return fmt::format(
          "the study's: right steps smoothed over {}, at the last step; it strays more than a mean",
          counted(window, "step"));
    case Metric::recent_accuracy:
      return fmt::format("share right of the last {}, each judged before it is trained on",
                         counted(window, "step"));
    case Metric::test_accuracy:
      break;
  }
  return "share right of the samples held out, by the final weights";
}

double value_of(const CellResult& cell, Metric metric) {
  switch (metric) {
    case Metric::accuracy:
      return cell.accuracy;
    case Metric::recent_accuracy:
      return cell.recent_accuracy;
    case Metric::test_accuracy:
      break;
  }
  return cell.test_accuracy;
}

Chance chance_of(const CellResult& cell, Metric metric, const std::vector<double>& smoothing) {
  switch (metric) {
    case Metric::accuracy:
      return chance_at(cell.chance, smoothing_spread(smoothing));
    case Metric::recent_accuracy:
      return chance_at(cell.recent_chance, 1.0 / static_cast<double>(smoothing.size()));
    case Metric::test_accuracy:
      break;
  }
  return chance_at(cell.test_chance, 1.0 / cell.held_out);
}

bool all_hold_out(const std::vector<CellResult>& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const CellResult& cell) { return cell.held_out != 0; });
}

}  // namespace gridrun
