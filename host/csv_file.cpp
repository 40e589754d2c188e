#include "csv_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "counted.hpp"
#include "gridrun/error.hpp"
#include "gzip.hpp"
#include "stop_on_signal.hpp"

namespace gridrun {
namespace {

constexpr double largest_label = 65535;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<double> number(std::string_view field) {
  double value;
  if (field.starts_with('+')) field.remove_prefix(1);
  const char* end = field.data() + field.size();
  const auto [stopped, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

/// Takes what is before the next `separator` off the front of `text`.
std::string_view next(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return taken;
}

class CsvReader {
 public:
  explicit CsvReader(const std::filesystem::path& path) : path_(path) {}

  CsvSamples read() {
    const std::vector<std::uint8_t> bytes = read_file_inflated(path_);
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte-order mark
    for (line_ = 1; !text.empty(); ++line_) {
      throw_if_interrupted();
      const std::string_view line = trimmed(next(text, '\n'));
      if (line.empty()) {
        if (!trimmed_all(text).empty()) fail("empty, expected a sample");
        break;
      }
      if (!(line_ == 1 && is_header(line))) add(line);
    }
    if (samples_.samples == 0) throw RequestError(fmt::format("{}: no samples", path_.string()));
    return std::move(samples_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw RequestError(fmt::format("{}:{}: {}", path_.string(), line_, what));
  }

  static std::string_view trimmed_all(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view() : text.substr(first);
  }

  /// A header has a name in every column: a first line with some numbers is a broken sample.
  static bool is_header(std::string_view line) {
    while (!line.empty())
      if (number(trimmed(next(line, ',')))) return false;
    return true;
  }

  void add(std::string_view line) {
    fields_.clear();
    for (bool more = true; more;) {
      more = line.find(',') != std::string_view::npos;
      const std::string_view field = trimmed(next(line, ','));
      const auto value = number(field);
      if (!value)
        fail(fmt::format("field {} is '{}', expected a number", fields_.size() + 1, field));
      if (!std::isfinite(*value))
        fail(fmt::format("field {} is {}, expected a finite number", fields_.size() + 1, *value));
      fields_.push_back(*value);
    }
    if (fields_.size() < 2) fail("one field, expected features and then a label");
    const std::size_t inputs = fields_.size() - 1;
    if (samples_.samples == 0) samples_.inputs = inputs;
    if (inputs != samples_.inputs)
      fail(fmt::format("{}, expected {} as before", counted(inputs + 1, "field"),
                       samples_.inputs + 1));
    const double label = fields_.back();
    if (!(label >= 0 && label <= largest_label && label == std::floor(label)))
      fail(fmt::format("label {}, expected a class number 0 to {}", label, largest_label));
    samples_.values.insert(samples_.values.end(), fields_.begin(), fields_.end() - 1);
    samples_.labels.push_back(static_cast<std::uint32_t>(label));
    ++samples_.samples;
  }

  const std::filesystem::path& path_;
  std::size_t line_ = 0;
  std::vector<double> fields_;
  CsvSamples samples_;
};

}  // namespace

CsvSamples read_csv(const std::filesystem::path& path) { return CsvReader(path).read(); }

}  // namespace gridrun
