// What samples are labelled with, and the classes 0, 1, ... that stand for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace gridrun {

/// A finite number, or a text.
using ClassLabel = std::variant<double, std::string>;

/// The most classes that data may have.
inline constexpr std::size_t most_classes = 65536;

/// Numbers different labels in the order in which they first come.
class LabelCodes {
 public:
  std::uint32_t code(double label) { return code_in(numbers_, label); }
  std::uint32_t code(const std::string& label) { return code_in(texts_, label); }

  /// Labels so far: once there are more than most_classes, the data are none to learn classes of.
  std::size_t size() const { return labels_.size(); }

  /// The labels by their codes. Where all texts are numbers, they are numbers.
  std::vector<ClassLabel> labels() const;

 private:
  template <typename Label>
  std::uint32_t code_in(std::unordered_map<Label, std::uint32_t>& codes, const Label& label) {
    const auto [place, is_new] =
        codes.try_emplace(label, static_cast<std::uint32_t>(labels_.size()));
    if (is_new) labels_.emplace_back(label);
    return place->second;
  }

  std::unordered_map<double, std::uint32_t> numbers_;
  std::unordered_map<std::string, std::uint32_t> texts_;
  std::vector<ClassLabel> labels_;
};

/// The labels of the classes: numbers in their order, or texts in that of their bytes.
/// docs/arithmetic.md, part 6.
struct Classes {
  std::vector<ClassLabel> labels;  // [class]

  /// Whether every class is labelled with its number.
  bool are_plain() const;

  /// "3 classes: setosa = 0, versicolor = 1, virginica = 2", of many the first few.
  std::string text() const;
};

/// The classes of data whose `labels` are codes, and become classes.
Classes classes_of(const LabelCodes& codes, std::vector<std::uint32_t>& labels);

/// A number as text reads it whole: decimal, with an exponent or not, a + before it or not; also
/// one that is not finite. False: it is none.
bool read_number(std::string_view text, double& number);

}  // namespace gridrun
