#include "results/answers_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/counted.hpp"

namespace gridrun {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t name_width = 16;

json or_null(const std::optional<int>& value) { return value ? json(*value) : json(nullptr); }

json cell_json(const CellAnswer& cell) {
  return json{{"lr", cell.lr}, {"fraction", cell.fraction}, {"accuracy", cell.accuracy}};
}

json row_json(const RowAnswer& row) {
  return json{{"lr", row.plateau.lr},
              {"plateau", row.plateau.accuracy},
              {"plateau_fraction", row.plateau.fraction},
              {"knee", or_null(row.knee)},
              {"settled", or_null(row.settled)},
              {"cut_off", row.cut_off}};
}

json column_json(const ColumnAnswer& column) {
  return json{{"fraction", column.best.fraction},
              {"lr", column.best.lr},
              {"accuracy", column.best.accuracy},
              {"learned", column.learned}};
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string points(double difference) { return fmt::format("{:.1f} points", 100 * difference); }

/// "9 to 17" for rising numbers without a gap on the axis, else "9, 11, 12".
std::string listed(const std::vector<int>& numbers) {
  const bool gapless = numbers.back() - numbers.front() + 1 == std::ssize(numbers);
  if (numbers.size() > 2 && gapless)
    return fmt::format("{} to {}", numbers.front(), numbers.back());
  return fmt::format("{}", fmt::join(numbers, ", "));
}

std::string line(const char* name, const std::string& text) {
  return fmt::format("{:<{}}{}\n", name, name_width, text);
}

/// Plateau and knee below each lr, folded to `width` columns (0: never).
std::string row_table(const std::vector<RowAnswer>& rows, std::size_t width) {
  constexpr std::size_t cell_width = 5;
  const std::size_t fit = width > name_width ? (width - name_width) / cell_width : 1;
  const std::size_t panel = width == 0 ? rows.size() : std::max<std::size_t>(1, fit);
  std::string text;
  for (std::size_t begin = 0; begin < rows.size(); begin += panel) {
    std::string lr, plateau, knee;
    for (std::size_t i = begin; i < std::min(rows.size(), begin + panel); ++i) {
      lr += fmt::format("{:>4} ", rows[i].plateau.lr);
      const double accuracy = 100 * rows[i].plateau.accuracy;
      plateau += fmt::format("{:>4.{}f} ", accuracy, accuracy < 99.95 ? 1 : 0);
      knee += rows[i].knee ? fmt::format("{:>4}{}", *rows[i].knee, rows[i].cut_off ? '+' : ' ')
                           : "   - ";
    }
    for (std::string* cells : {&lr, &plateau, &knee})
      cells->erase(cells->find_last_not_of(' ') + 1);
    text += line("lr", lr) + line("plateau, %", plateau) + line("knee, bits", knee);
  }
  return text;
}

std::string left_cliff_text(const Answers& answers) {
  const LeftCliff& cliff = answers.left_cliff;
  const std::string near =
      fmt::format("2^-{} comes within {} of the best", cliff.lr, points(answers.tolerance));
  if (!cliff.next_lr) return near + ", the grid's largest learning rate: no cliff";
  return fmt::format("{}, 2^-{} loses {}", near, *cliff.next_lr, points(cliff.loss));
}

std::string diagonal_cliff_text(const Answers& answers) {
  std::vector<int> cut_off;
  for (const RowAnswer& row : answers.rows)
    if (row.cut_off) cut_off.push_back(row.plateau.lr);
  const std::string not_shown =
      cut_off.empty() ? "" : fmt::format("; the grid ends before that of lr {}", listed(cut_off));
  const auto& cliff = answers.diagonal_cliff;
  if (!cliff) return "too few knees beyond the left cliff for a line" + not_shown;
  const double largest =
      std::abs(*std::max_element(cliff->residuals.begin(), cliff->residuals.end(),
                                 [](double a, double b) { return std::abs(a) < std::abs(b); }));
  return fmt::format("knee = {:.2f} {} {:.2f} lr within {:.2f} bits over lr {}{}", cliff->intercept,
                     cliff->slope < 0 ? '-' : '+', std::abs(cliff->slope), largest,
                     listed(cliff->lr), not_shown);
}

std::string settled_text(const Answers& answers) {
  const auto& settled = answers.settled;
  if (answers.columns.size() == 1) return "cannot be told: the grid has one fraction";
  if (!settled) return "no fraction of this grid: accuracies change up to its last";
  const std::string others = settled->except_lr.empty()
                                 ? ""
                                 : fmt::format(", except at lr {}", listed(settled->except_lr));
  return fmt::format("nothing changes by more than the tolerance from {} on{}",
                     counted(settled->fraction, "bit"), others);
}

std::string common_rate_text(const Answers& answers) {
  const auto& rate = answers.common_rate;
  if (!rate) return "cannot be told: the grid has too few rows, or too few fractions that learned";
  if (rate->everywhere)
    return fmt::format("does not depend on the fraction: lr {} will do for all that learned",
                       rate->lr);
  int least = max_lr, most = 0;
  for (const auto& [best, learned] : answers.columns)
    if (learned && best.fraction < rate->fraction) {
      least = std::min(least, best.lr);
      most = std::max(most, best.lr);
    }
  const std::string others =
      least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
  return fmt::format("depends on the fraction: lr {} will do from {} on, fewer want lr {}",
                     rate->lr, counted(rate->fraction, "bit"), others);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string answers_text(const Answers& answers, std::size_t width) {
  const CellAnswer& best = answers.best;
  const std::string best_cell =
      fmt::format("{} at lr {}, fraction {}", percent(best.accuracy), best.lr, best.fraction);
  const std::string chance = fmt::format("{} and {} of noise", percent(answers.chance.level),
                                         points(answers.chance.margin));
  if (!answers.learned)
    return line("no cell learned",
                fmt::format("more than chance ({}); the best, {}", chance, best_cell));
  const CellAnswer& fewest = answers.fewest_bits;
  return line("best cell", best_cell + "; chance is " + chance) + row_table(answers.rows, width) +
         line("fewest bits",
              fmt::format("{}, at lr {}: {}, within {} of the best", fewest.fraction, fewest.lr,
                          percent(fewest.accuracy), points(answers.tolerance))) +
         line("left cliff", left_cliff_text(answers)) +
         line("diagonal cliff", diagonal_cliff_text(answers)) +
         line("enough bits", settled_text(answers)) + line("best lr", common_rate_text(answers));
}

json answers_json(const Answers& answers) {
  json record{{"tolerance", answers.tolerance},
              {"chance", json{{"level", answers.chance.level},
                              {"margin", answers.chance.margin},
                              {"threshold", answers.chance.threshold()}}},
              {"learned", answers.learned},
              {"best", cell_json(answers.best)},
              {"by_lr", json::array()},
              {"by_fraction", json::array()},
              {"fewest_bits", nullptr},
              {"left_cliff", nullptr},
              {"diagonal_cliff", nullptr},
              {"settled", nullptr},
              {"common_rate", nullptr},
              {"text", lines_of(answers_text(answers, 0))}};
  if (!answers.learned) return record;
  for (const RowAnswer& row : answers.rows) record["by_lr"].push_back(row_json(row));
  for (const ColumnAnswer& column : answers.columns)
    record["by_fraction"].push_back(column_json(column));
  record["fewest_bits"] = cell_json(answers.fewest_bits);
  record["left_cliff"] = json{{"lr", answers.left_cliff.lr},
                              {"next_lr", or_null(answers.left_cliff.next_lr)},
                              {"loss", answers.left_cliff.loss}};
  if (const auto& cliff = answers.diagonal_cliff)
    record["diagonal_cliff"] = json{{"intercept", cliff->intercept},
                                    {"slope", cliff->slope},
                                    {"lr", cliff->lr},
                                    {"residuals", cliff->residuals}};
  if (const auto& all = answers.settled)
    record["settled"] = json{{"fraction", all->fraction}, {"except_lr", all->except_lr}};
  if (const auto& rate = answers.common_rate)
    record["common_rate"] =
        json{{"lr", rate->lr}, {"fraction", rate->fraction}, {"everywhere", rate->everywhere}};
  return record;
}

}  // namespace gridrun
