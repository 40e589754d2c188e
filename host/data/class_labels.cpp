#include "data/class_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/message_text.hpp"

namespace gridrun {
namespace {

std::string text_of(const ClassLabel& label) {
  constexpr std::size_t most_bytes = 40;
  if (const double* number = std::get_if<double>(&label)) return fmt::format("{}", *number);
  return excerpt(std::get<std::string>(label), most_bytes);
}

}  // namespace

std::vector<ClassLabel> LabelCodes::labels() const {
  std::vector<ClassLabel> numbers;
  for (const ClassLabel& label : labels_) {
    double number = 0;
    const auto* text = std::get_if<std::string>(&label);
    if (text && !read_number(*text, number)) return labels_;
    numbers.emplace_back(text ? number : std::get<double>(label));
  }
  return numbers;
}

bool Classes::are_plain() const {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != ClassLabel(static_cast<double>(i))) return false;
  return true;
}

std::string Classes::text() const {
  constexpr std::size_t most_shown = 6;
  std::string text = fmt::format("{} {}", labels.size(), labels.size() == 1 ? "class" : "classes");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i + 1 == most_shown && labels.size() > most_shown) {
      text += ", ...";
      i = labels.size() - 1;
    }
    text += fmt::format("{}{} = {}", i == 0 ? ": " : ", ", text_of(labels[i]), i);
  }
  return text;
}

Classes classes_of(const LabelCodes& codes, std::vector<std::uint32_t>& labels) {
  const std::vector<ClassLabel> of_codes = codes.labels();
  Classes classes{of_codes};
  auto& sorted = classes.labels;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::uint32_t> class_of_code;
  for (const ClassLabel& label : of_codes)
    class_of_code.push_back(static_cast<std::uint32_t>(
        std::lower_bound(sorted.begin(), sorted.end(), label) - sorted.begin()));
  for (std::uint32_t& label : labels) label = class_of_code[label];
  return classes;
}

bool read_number(std::string_view text, double& number) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end;
}

}  // namespace gridrun
