#include "results/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "results/precision_words.hpp"

namespace gridrun {
namespace {

constexpr std::size_t label_width = 6;
constexpr std::size_t cell_width = 4;

/// Viridis, dark to light, in the 256 colours that every terminal has.
constexpr int viridis[] = {53, 54, 60, 24, 30, 36, 35, 77, 148, 226};
constexpr int black = 16, white = 231;

std::string cell_text(double accuracy, bool coloured) {
  const std::string percent = fmt::format("{:>3.0f} ", 100 * accuracy);
  if (!coloured) return percent;
  const auto shades = static_cast<int>(std::size(viridis));
  const int shade = std::clamp(static_cast<int>(accuracy * shades), 0, shades - 1);
  return fmt::format("\x1b[48;5;{};38;5;{}m{}\x1b[0m", viridis[shade],
                     shade < shades / 2 ? white : black, percent);
}

void trim_line(std::string& text) { text.erase(text.find_last_not_of(' ') + 1); }

/// A table of cells of four columns under the names of a slice's rows and columns.
template <typename TextOf>
std::string table(const Slice& slice, std::size_t width, const TextOf& text_of) {
  const std::vector<int>& precisions = slice.precision.values;
  const std::size_t columns = precisions.size();
  const bool has_precision = !slice.precision.name.empty();
  const std::size_t fit = width > label_width ? (width - label_width) / cell_width : 1;
  const std::size_t panel = width == 0 ? columns : std::max<std::size_t>(1, fit);
  std::string text;
  for (std::size_t begin = 0; begin < columns; begin += panel) {
    const std::size_t end = std::min(columns, begin + panel);
    text += fmt::format("{:<{}}", "lr", label_width);
    for (std::size_t column = begin; has_precision && column < end; ++column)
      text += fmt::format("{:>3} ", precisions[column]);
    trim_line(text);
    text += '\n';
    for (std::size_t row = 0; row < slice.lr.size(); ++row) {
      text += fmt::format("{:<{}}", slice.lr[row], label_width);
      for (std::size_t column = begin; column < end; ++column) text += text_of(row, column);
      trim_line(text);
      text += '\n';
    }
  }
  return text;
}

std::string axes_text(const Slice& slice) {
  const std::string text = "; down: learning rate 2^-lr";
  if (slice.precision.name.empty()) return text + '\n';
  return text + ", across: " + precision_unit(slice.precision.name) + '\n';
}

}  // namespace

std::string heat_map(const Slice& slice, bool coloured, std::size_t width) {
  return words_of(slice.metric) + " in percent" + axes_text(slice) +
         table(slice, width, [&](std::size_t row, std::size_t column) {
           return cell_text(slice.value(row, column), coloured);
         });
}

std::string label_map(const Slice& slice, const std::vector<Label>& labels, std::size_t width) {
  std::string legend;
  for (std::size_t label = 0; label < label_count; ++label)
    if (const auto one = static_cast<Label>(label);
        std::find(labels.begin(), labels.end(), one) != labels.end())
      legend += fmt::format("{}{} {}", legend.empty() ? "" : ", ", letter_of(one), name_of(one));
  return legend + axes_text(slice) + table(slice, width, [&](std::size_t row, std::size_t column) {
           const std::size_t cell = row * slice.precision.values.size() + column;
           return fmt::format("{:>3} ", letter_of(labels[cell]));
         });
}

}  // namespace gridrun
