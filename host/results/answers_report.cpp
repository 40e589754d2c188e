#include "results/answers_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/counted.hpp"
#include "configuration/key_value_json.hpp"
#include "results/precision_words.hpp"

namespace gridrun {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t name_width = 16;

json or_null(const std::optional<int>& value) { return value ? json(*value) : json(nullptr); }

/// A cell by the values of its axes.
json place_json(const std::string& axis, const CellAnswer& cell) {
  json place{{"lr", cell.lr}};
  if (!axis.empty()) place[axis] = cell.precision;
  return place;
}

json cell_json(const std::string& axis, const CellAnswer& cell) {
  json record = place_json(axis, cell);
  record["accuracy"] = cell.accuracy;
  return record;
}

json row_json(const std::string& axis, const RowAnswer& row) {
  json record{{"lr", row.plateau.lr}, {"plateau", row.plateau.accuracy}};
  if (!axis.empty()) record["plateau_" + axis] = row.plateau.precision;
  record["knee"] = or_null(row.knee);
  record["settled"] = or_null(row.settled);
  record["cut_off"] = row.cut_off;
  return record;
}

json column_json(const std::string& axis, const ColumnAnswer& column) {
  return json{{axis, column.best.precision},
              {"lr", column.best.lr},
              {"accuracy", column.best.accuracy},
              {"learned", column.learned}};
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string points(double difference) { return fmt::format("{:.1f} points", 100 * difference); }

/// A learning rate: "2^-9", or "2^3" where lr is -3.
std::string rate(int lr) { return fmt::format("2^{}", -lr); }

/// "lr 9, fraction 12", the place of a cell.
std::string place_text(const Answers& answers, const CellAnswer& cell) {
  const std::string lr = fmt::format("lr {}", cell.lr);
  if (answers.precision_axis.empty()) return lr;
  return fmt::format("{}, {}", lr, precision_text(answers.precision_axis, cell.precision));
}

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
std::string row_table(const Answers& answers, std::size_t width) {
  const std::vector<RowAnswer>& rows = answers.rows;
  const bool has_knees = !answers.precision_axis.empty();
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
    text += line("lr", lr) + line(has_knees ? "plateau, %" : "accuracy, %", plateau);
    if (has_knees) text += line("knee, bits", knee);
  }
  return text;
}

std::string left_cliff_text(const Answers& answers) {
  const LeftCliff& cliff = answers.left_cliff;
  const std::string near =
      fmt::format("{} comes within {} of the best", rate(cliff.lr), points(answers.tolerance));
  if (!cliff.next_lr) return near + ", the grid's largest learning rate: no cliff";
  return fmt::format("{}, {} loses {}", near, rate(*cliff.next_lr), points(cliff.loss));
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
  const std::string noun = precision_noun(answers.precision_axis);
  if (answers.columns.size() == 1) return "cannot be told: the grid has one " + noun;
  if (!settled) return fmt::format("no {} of this grid: accuracies change up to its last", noun);
  const std::string others = settled->except_lr.empty()
                                 ? ""
                                 : fmt::format(", except at lr {}", listed(settled->except_lr));
  return fmt::format("nothing changes by more than the tolerance from {} on{}",
                     counted(settled->precision, "bit"), others);
}

std::string common_rate_text(const Answers& answers) {
  const auto& rate = answers.common_rate;
  const std::string noun = precision_noun(answers.precision_axis);
  if (!rate)
    return fmt::format("cannot be told: the grid has too few rows, or too few {}s that learned",
                       noun);
  if (rate->everywhere)
    return fmt::format("does not depend on the {}: lr {} will do for all that learned", noun,
                       rate->lr);
  int least = max_lr, most = min_lr;
  for (const auto& [best, learned] : answers.columns)
    if (learned && best.precision < rate->precision) {
      least = std::min(least, best.lr);
      most = std::max(most, best.lr);
    }
  const std::string others =
      least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
  return fmt::format("depends on the {}: lr {} will do from {} on, fewer want lr {}", noun,
                     rate->lr, counted(rate->precision, "bit"), others);
}

/// What is said of cliffs and bits.
std::string cliffs_text(const Answers& answers) {
  const std::string left_cliff = line("left cliff", left_cliff_text(answers));
  if (answers.precision_axis.empty())
    return left_cliff +
           line("bits", "nothing to compare: neither fraction nor bits is an axis of the grid");
  const CellAnswer& fewest = *answers.fewest_bits;
  return line("fewest bits",
              fmt::format("{}, at lr {}: {}, within {} of the best", fewest.precision, fewest.lr,
                          percent(fewest.accuracy), points(answers.tolerance))) +
         left_cliff + line("diagonal cliff", diagonal_cliff_text(answers)) +
         line("enough bits", settled_text(answers)) + line("best lr", common_rate_text(answers));
}

/// What the held-out samples say; nothing where there are none.
std::string held_out_text(const Answers& answers) {
  if (!answers.best_held_out) return "";
  const CellAnswer& most = *answers.best_held_out;
  return line("held out", fmt::format("{} at the best cell; at most {}, at {}",
                                      percent(answers.best.test_accuracy),
                                      percent(most.test_accuracy), place_text(answers, most)));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

json slice_json(const Answers& answers) {
  const std::string& axis = answers.precision_axis;
  json record = json::object();
  for (const HeldValue& held : answers.held) record[held.axis] = to_json(held.value);
  record["tolerance"] = answers.tolerance;
  record["chance"] = json{{"level", answers.chance.level},
                          {"margin", answers.chance.margin},
                          {"threshold", answers.chance.threshold()}};
  record["learned"] = answers.learned;
  record["best"] = cell_json(axis, answers.best);
  if (const auto& most = answers.best_held_out) {
    record["best"]["test_accuracy"] = answers.best.test_accuracy;
    record["best_held_out"] = place_json(axis, *most);
    record["best_held_out"]["test_accuracy"] = most->test_accuracy;
  }
  record["by_lr"] = json::array();
  for (const RowAnswer& row : answers.rows) record["by_lr"].push_back(row_json(axis, row));
  if (!axis.empty()) {
    json& columns = record["by_" + axis] = json::array();
    for (const ColumnAnswer& column : answers.columns) columns.push_back(column_json(axis, column));
  }
  record["fewest_bits"] = nullptr;
  if (const auto& fewest = answers.fewest_bits) record["fewest_bits"] = cell_json(axis, *fewest);
  record["left_cliff"] = nullptr;
  if (answers.learned)
    record["left_cliff"] = json{{"lr", answers.left_cliff.lr},
                                {"next_lr", or_null(answers.left_cliff.next_lr)},
                                {"loss", answers.left_cliff.loss}};
  record["diagonal_cliff"] = nullptr;
  if (const auto& cliff = answers.diagonal_cliff)
    record["diagonal_cliff"] = json{{"intercept", cliff->intercept},
                                    {"slope", cliff->slope},
                                    {"lr", cliff->lr},
                                    {"residuals", cliff->residuals}};
  record["settled"] = nullptr;
  if (const auto& all = answers.settled)
    record["settled"] = json{{axis, all->precision}, {"except_lr", all->except_lr}};
  record["common_rate"] = nullptr;
  if (const auto& rate = answers.common_rate)
    record["common_rate"] =
        json{{"lr", rate->lr}, {axis, rate->precision}, {"everywhere", rate->everywhere}};
  record["text"] = lines_of(answers_text(answers, 0));
  return record;
}

}  // namespace

std::string heading(const std::vector<HeldValue>& held) {
  std::vector<std::string> texts;
  for (const auto& [axis, value] : held)
    texts.push_back(axis == "bits" ? fmt::format("words of {} bits", text_of(value))
                                   : fmt::format("{} {}", axis, text_of(value)));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string answers_text(const Answers& answers, std::size_t width) {
  const CellAnswer& best = answers.best;
  const std::string best_cell =
      fmt::format("{} at {}", percent(best.accuracy), place_text(answers, best));
  const std::string chance = fmt::format("{} and {} of noise", percent(answers.chance.level),
                                         points(answers.chance.margin));
  if (!answers.learned)
    return line("no cell learned",
                fmt::format("more than chance ({}); the best, {}", chance, best_cell)) +
           held_out_text(answers);
  return line("best cell", best_cell + "; chance is " + chance) + row_table(answers, width) +
         cliffs_text(answers) + held_out_text(answers);
}

json answers_json(const std::vector<Answers>& slices) {
  if (!slices.empty() && slices.front().held.empty()) return slice_json(slices.front());
  json record{{"slices", json::array()}};
  for (const Answers& slice : slices) record["slices"].push_back(slice_json(slice));
  return record;
}

}  // namespace gridrun
