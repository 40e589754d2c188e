#include "results/answers_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/counted.hpp"
#include "configuration/key_value_json.hpp"
#include "configuration/keys.hpp"
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

/// The place, the metric's value, and all accuracies that there are.
json cell_json(const std::string& axis, const CellAnswer& cell) {
  json record = place_json(axis, cell);
  record["value"] = cell.value;
  for (const Metric metric : all_metrics)
    if (const double value = value_of(cell.figures, metric); !std::isnan(value))
      record[name_of(metric)] = value;
  return record;
}

json row_json(const std::string& axis, const RowAnswer& row) {
  json record{{"lr", row.plateau.lr}, {"plateau", row.plateau.value}};
  if (!axis.empty()) record["plateau_" + axis] = row.plateau.precision;
  record["knee"] = or_null(row.knee);
  record["settled"] = or_null(row.settled);
  record["cut_off"] = row.cut_off;
  if (row.baseline) record["baseline"] = *row.baseline;
  return record;
}

json column_json(const std::string& axis, const ColumnAnswer& column) {
  json record = cell_json(axis, column.best);
  record["learned"] = column.learned;
  return record;
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

/// "86.7 " in five columns.
std::string percent_cell(double share) {
  return fmt::format("{:>4.{}f} ", 100 * share, 100 * share < 99.95 ? 1 : 0);
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
    std::string lr, plateau, baseline, knee;
    for (std::size_t i = begin; i < std::min(rows.size(), begin + panel); ++i) {
      lr += fmt::format("{:>4} ", rows[i].plateau.lr);
      plateau += percent_cell(rows[i].plateau.value);
      if (rows[i].baseline) baseline += percent_cell(*rows[i].baseline);
      knee += rows[i].knee ? fmt::format("{:>4}{}", *rows[i].knee, rows[i].cut_off ? '+' : ' ')
                           : "   - ";
    }
    for (std::string* cells : {&lr, &plateau, &baseline, &knee})
      cells->erase(cells->find_last_not_of(' ') + 1);
    text += line("lr", lr) + line(has_knees ? "plateau, %" : "accuracy, %", plateau);
    if (!baseline.empty()) text += line("binary64, %", baseline);
    if (has_knees) text += line("knee, bits", knee);
  }
  return text;
}

std::string left_cliff_text(const Answers& answers) {
  const LeftCliff& cliff = answers.left_cliff;
  const std::string near =
      fmt::format("{} comes within {} of the best", rate(cliff.lr), points(answers.within()));
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
  if (!rate) return "cannot be told: the grid has too few rows, or too few columns that learned";
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

/// What the networks in binary64 say; nothing where there are none.
std::string baseline_line(const Answers& answers) {
  if (!answers.baseline) return "";
  const auto& [lr, value, fewest] = *answers.baseline;
  const std::string reached =
      fewest
          ? fmt::format("{} come within {} of it, at lr {}: {}", counted(fewest->precision, "bit"),
                        points(answers.within()), fewest->lr, percent(fewest->value))
          : fmt::format("no cell comes within {} of it", points(answers.within()));
  return line("binary64", fmt::format("{} at lr {}; {}", percent(value), lr, reached));
}

/// What is said of cliffs and bits.
std::string cliffs_text(const Answers& answers) {
  const std::string left_cliff = line("left cliff", left_cliff_text(answers));
  if (answers.precision_axis.empty())
    return left_cliff +
           line("bits", "nothing to compare: no number of bits is an axis of the grid");
  const CellAnswer& fewest = *answers.fewest_bits;
  return line("fewest bits",
              fmt::format("{}, at lr {}: {}, within {} of the best", fewest.precision, fewest.lr,
                          percent(fewest.value), points(answers.within()))) +
         baseline_line(answers) + left_cliff +
         line("diagonal cliff", diagonal_cliff_text(answers)) +
         line("enough bits", settled_text(answers)) + line("best lr", common_rate_text(answers));
}

/// What the held-out samples say; nothing where there are none.
std::string held_out_text(const Answers& answers) {
  if (!answers.best_held_out || answers.metric == Metric::test_accuracy) return "";
  const CellAnswer& most = *answers.best_held_out;
  return line("held out",
              fmt::format("{} at the best cell; at most {}, at {}",
                          percent(answers.best.figures.test_accuracy),
                          percent(most.figures.test_accuracy), place_text(answers, most)));
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
  if (answers.seed) record["train.seed"] = to_json(*answers.seed);
  record["metric"] = name_of(answers.metric);
  record["tolerance"] = answers.tolerance;
  record["noise"] = answers.noise;
  record["chance"] = json{{"level", answers.chance.level},
                          {"margin", answers.chance.margin},
                          {"threshold", answers.chance.threshold()}};
  record["learned"] = answers.learned;
  record["best"] = cell_json(axis, answers.best);
  if (const auto& most = answers.best_held_out) {
    record["best_held_out"] = place_json(axis, *most);
    record["best_held_out"]["test_accuracy"] = most->figures.test_accuracy;
  }
  record["by_lr"] = json::array();
  for (const RowAnswer& row : answers.rows) record["by_lr"].push_back(row_json(axis, row));
  if (!axis.empty()) {
    json& columns = record["by_" + axis] = json::array();
    for (const ColumnAnswer& column : answers.columns) columns.push_back(column_json(axis, column));
  }
  record["fewest_bits"] = nullptr;
  if (const auto& fewest = answers.fewest_bits) record["fewest_bits"] = cell_json(axis, *fewest);
  if (const auto& baseline = answers.baseline) {
    record["baseline"] =
        json{{"lr", baseline->lr}, {"value", baseline->value}, {"fewest_bits", nullptr}};
    if (baseline->fewest) record["baseline"]["fewest_bits"] = cell_json(axis, *baseline->fewest);
  }
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

json estimate_json(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  return json{{"median", estimate->middle},
              {"low", estimate->low},
              {"high", estimate->high},
              {"seeds", estimate->seeds}};
}

/// Of a grid without an axis of seeds, the answers of its one seed.
json seeds_json(const SeedAnswers& over) {
  const Answers& first = over.of_seed.front();
  if (!over.has_seeds()) return slice_json(first);
  const std::string& axis = first.precision_axis;
  json record = json::object();
  for (const HeldValue& held : first.held) record[held.axis] = to_json(held.value);
  record["metric"] = name_of(first.metric);
  record["tolerance"] = first.tolerance;
  record["noise"] = estimate_json(over.noise);
  record["resamples"] = Bootstrap::resamples;
  record["seeds"] = json::array();
  for (const Answers& answers : over.of_seed)
    record["seeds"].push_back(json(to_json(*answers.seed)));
  record["learned"] = over.learned;
  record["best"] = json{{"value", estimate_json(over.best)}, {"lr", estimate_json(over.best_lr)}};
  if (!axis.empty()) record["best"][axis] = estimate_json(over.best_precision);
  record["by_lr"] = json::array();
  for (const RowEstimates& row : over.rows) {
    record["by_lr"].push_back(json{{"lr", row.lr},
                                   {"plateau", estimate_json(row.plateau)},
                                   {"knee", estimate_json(row.knee)},
                                   {"cut_off", row.cut_off}});
    if (row.baseline) record["by_lr"].back()["baseline"] = estimate_json(row.baseline);
  }
  if (over.baseline) {
    record["baseline"] = json{{"value", estimate_json(over.baseline)}};
    if (!axis.empty()) record["baseline"]["fewest_bits"] = estimate_json(over.baseline_fewest);
  }
  record["fewest_bits"] = nullptr;
  if (over.fewest_bits)
    record["fewest_bits"] =
        json{{axis, estimate_json(over.fewest_bits)}, {"lr", estimate_json(over.fewest_lr)}};
  record["left_cliff"] = nullptr;
  if (over.left_cliff)
    record["left_cliff"] =
        json{{"lr", estimate_json(over.left_cliff)}, {"loss", estimate_json(over.left_cliff_loss)}};
  record["diagonal_cliff"] = nullptr;
  if (over.slope)
    record["diagonal_cliff"] =
        json{{"slope", estimate_json(over.slope)}, {"intercept", estimate_json(over.intercept)}};
  record["settled"] = nullptr;
  if (over.settled)
    record["settled"] =
        json{{axis, estimate_json(over.settled)}, {"with_exceptions", over.unsettled}};
  record["common_rate"] = nullptr;
  if (over.common_lr)
    record["common_rate"] =
        json{{"lr", estimate_json(over.common_lr)}, {axis, estimate_json(over.common_precision)}};
  record["text"] = lines_of(answers_text(over, 0));
  record["by_seed"] = json::array();
  for (const Answers& answers : over.of_seed) record["by_seed"].push_back(slice_json(answers));
  return record;
}

/// "9", "8.5"; with its interval, "9 (8 to 10)", where that is not all one number.
std::string number_text(const Estimate& estimate, double factor = 1, int digits = -1) {
  const auto text = [&](double value) {
    return digits < 0 ? fmt::format("{:g}", value * factor)
                      : fmt::format("{:.{}f}", value * factor, digits);
  };
  const std::string middle = text(estimate.middle), low = text(estimate.low),
                    high = text(estimate.high);
  if (low == middle && high == middle) return middle;
  return fmt::format("{} ({} to {})", middle, low, high);
}

/// "87.5 % (86.1 to 88.0)"
std::string percent_text(const Estimate& estimate) {
  if (estimate.seeds == 1) return percent(estimate.middle);
  return fmt::format("{} ({:.1f} to {:.1f})", percent(estimate.middle), 100 * estimate.low,
                     100 * estimate.high);
}

/// ", of 17 of 20 seeds"; nothing where all have the answer.
std::string of_seeds(const SeedAnswers& over, const Estimate& estimate) {
  if (estimate.seeds == over.of_seed.size()) return "";
  return fmt::format(", of {} of {} seeds", estimate.seeds, over.of_seed.size());
}

/// A line an lr.
std::string row_table(const SeedAnswers& over) {
  const bool has_knees = !over.of_seed.front().precision_axis.empty();
  std::string text;
  for (const RowEstimates& row : over.rows) {
    std::string told = percent_text(row.plateau);
    if (row.baseline) told += fmt::format(", binary64 {}", percent_text(*row.baseline));
    if (has_knees)
      told += row.knee ? fmt::format(", knee at {} bits{}{}", number_text(*row.knee),
                                     2 * row.cut_off >= row.knee->seeds ? " or more" : "",
                                     of_seeds(over, *row.knee))
                       : ", no knee";
    if (row.cut_off != 0) told += fmt::format(", cut off in {}", counted(row.cut_off, "seed"));
    text += line(fmt::format("lr {}", row.lr).c_str(), told);
  }
  return text;
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
      fmt::format("{} at {}", percent(best.value), place_text(answers, best));
  const std::string chance = fmt::format("{} and {} of noise", percent(answers.chance.level),
                                         points(answers.chance.margin));
  if (!answers.learned)
    return line("no cell learned",
                fmt::format("more than chance ({}); the best, {}", chance, best_cell)) +
           held_out_text(answers);
  return line("best cell", best_cell + "; chance is " + chance) + row_table(answers, width) +
         cliffs_text(answers) + held_out_text(answers);
}

std::string answers_text(const SeedAnswers& over, std::size_t width) {
  const Answers& first = over.of_seed.front();
  if (over.of_seed.size() == 1) return answers_text(first, width);
  const bool has_bits = !first.precision_axis.empty();
  std::string place = fmt::format("lr {}", number_text(over.best_lr));
  if (has_bits)
    place += fmt::format(", {} {}", precision_noun(first.precision_axis),
                         number_text(over.best_precision));
  std::string text =
      line("best cell", fmt::format("{} at {}; {} of {} seeds learned", percent_text(over.best),
                                    place, over.learned, over.of_seed.size()));
  if (over.rows.empty()) return text;
  text += row_table(over);
  if (over.fewest_bits)
    text += line("fewest bits", fmt::format("{}, at lr {}", number_text(*over.fewest_bits),
                                            number_text(*over.fewest_lr)));
  if (over.baseline)
    text += line("binary64", fmt::format("{}; {}", percent_text(*over.baseline),
                                         over.baseline_fewest
                                             ? fmt::format("{} bits come near it{}",
                                                           number_text(*over.baseline_fewest),
                                                           of_seeds(over, *over.baseline_fewest))
                                             : "no cell comes near it"));
  text +=
      line("left cliff", over.left_cliff ? fmt::format("lr {}; the next loses {} points{}",
                                                       number_text(*over.left_cliff),
                                                       number_text(*over.left_cliff_loss, 100, 1),
                                                       of_seeds(over, *over.left_cliff))
                                         : "none on the grid");
  if (!has_bits) return text;
  text += line("diagonal cliff",
               over.slope ? fmt::format("{} bits for each halving of the learning rate{}",
                                        number_text(*over.slope, 1, 2), of_seeds(over, *over.slope))
                          : "too few knees beyond the left cliff for a line");
  const std::string exceptions =
      over.unsettled == 0 ? ""
                          : fmt::format(", but for some lr in {}", counted(over.unsettled, "seed"));
  text += line("enough bits", over.settled ? number_text(*over.settled) +
                                                 of_seeds(over, *over.settled) + exceptions
                                           : "values change up to the grid's last");
  if (over.common_lr)
    text += line("best lr",
                 fmt::format("{} from {} bits on{}", number_text(*over.common_lr),
                             number_text(*over.common_precision), of_seeds(over, *over.common_lr)));
  return text;
}

std::string terms_text(const SeedAnswers& over, std::size_t smooth_window) {
  const Answers& first = over.of_seed.front();
  std::string text = line("metric", fmt::format("{}: {}", words_of(first.metric),
                                                meaning_of(first.metric, smooth_window)));
  if (over.noise.high > first.tolerance)
    text += line("tolerance",
                 fmt::format("{} is less than the noise of a difference: {} points count as none",
                             points(first.tolerance), number_text(over.noise, 100, 1)));
  if (over.of_seed.size() == 1)
    return text + line("seeds", first.seed
                                    ? fmt::format("one: {}", text_of(*first.seed))
                                    : "one: train.seed as an axis of the grid gives intervals");
  return text +
         line("seeds", fmt::format("medians of {}, 95 % intervals by a bootstrap of {} resamples",
                                   over.of_seed.size(), Bootstrap::resamples));
}

std::string comparison_text(const std::vector<SeedAnswers>& slices) {
  if (slices.size() < 2) return "";
  std::string text;
  for (const SeedAnswers& over : slices) {
    const Answers& first = over.of_seed.front();
    const std::string bits = over.fewest_bits ? number_text(*over.fewest_bits) + " bits" : "-";
    text +=
        fmt::format("{}: {}, best {}\n", heading(first.held),
                    first.precision_axis.empty() ? "" : "fewest " + bits, percent_text(over.best));
  }
  return text;
}

namespace {

/// With the labels of the cells, a list a row.
json labelled_json(const SeedAnswers& over) {
  json record = seeds_json(over);
  if (over.labels.empty()) return record;
  const std::size_t rows = over.of_seed.front().lr.size(), columns = over.labels.size() / rows;
  record["labels"] = json::array();
  for (std::size_t row = 0; row < rows; ++row) {
    record["labels"].push_back(json::array());
    for (std::size_t column = 0; column < columns; ++column)
      record["labels"][row].push_back(name_of(over.labels[row * columns + column]));
  }
  return record;
}

}  // namespace

json answers_json(const std::vector<SeedAnswers>& slices) {
  if (!slices.empty() && slices.front().of_seed.front().held.empty())
    return labelled_json(slices.front());
  json record{{"slices", json::array()}};
  for (const SeedAnswers& slice : slices) record["slices"].push_back(labelled_json(slice));
  return record;
}

}  // namespace gridrun
