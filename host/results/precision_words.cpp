#include "results/precision_words.hpp"

#include <fmt/format.h>

namespace gridrun {

std::string precision_noun(const std::string& axis) {
  return axis == "bits" ? "word length" : axis;
}

std::string precision_unit(const std::string& axis) {
  if (axis == "bits") return "bits of a word";
  return axis == "fraction" ? "fraction bits" : axis;
}

std::string precision_text(const std::string& axis, int value) {
  return axis == "bits" ? fmt::format("{} bits", value) : fmt::format("{} {}", axis, value);
}

}  // namespace gridrun
