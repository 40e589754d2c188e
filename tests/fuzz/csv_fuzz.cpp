// CSV files: whatever the bytes, samples that are what the text says, or one clear error.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "data/csv_file.hpp"
#include "fuzz.hpp"

namespace gridrun {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r") == std::string::npos;
}

std::string without_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Commas, no header, the label last.
CsvLayout plain_layout() {
  CsvLayout layout;
  layout.header = false;
  layout.delimiter = ',';
  return layout;
}

/// Requires that the samples are what the C library reads in the lines. Of text without quotes.
void check_against_text(const CsvSamples& csv, const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  while (!lines.empty() && is_blank(lines.back())) lines.pop_back();
  require(lines.size() == csv.samples, "a sample a line");
  for (std::size_t i = 0; i < csv.samples; ++i) {
    const std::vector<std::string> fields = split(lines[i], ',');
    require(fields.size() == csv.inputs + 1, "a field an input, and the label");
    for (std::size_t k = 0; k < csv.inputs; ++k) {
      char* end = nullptr;
      const double value = std::strtod(fields[k].c_str(), &end);
      require(end != fields[k].c_str() && is_blank(end), "an accepted field is a number");
      require(value == csv.values[i * csv.inputs + k], "a value is what its field says");
    }
    const ClassLabel& label = csv.classes.labels[csv.labels[i]];
    if (const double* number = std::get_if<double>(&label))
      require(*number == std::strtod(fields.back().c_str(), nullptr), "a label is its number");
    else
      require(std::get<std::string>(label) == without_blanks(fields.back()), "a label is its text");
  }
}

/// The same samples, written anew in the plain layout.
std::string as_text(const CsvSamples& csv) {
  std::string text;
  for (std::size_t i = 0; i < csv.samples; ++i) {
    for (std::size_t k = 0; k < csv.inputs; ++k)
      text += fmt::format("{},", csv.values[i * csv.inputs + k]);
    text += fmt::format("{}\n", csv.labels[i]);
  }
  return text;
}

}  // namespace
}  // namespace gridrun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  static MemoryFile file;
  std::string text(reinterpret_cast<const char*>(data), size);
  file.write(text);
  const auto csv = accepted([] { return read_csv(file.path()); });
  if (!csv) return 0;

  require(csv->samples > 0 && csv->inputs > 0, "there are samples");
  require(csv->labels.size() == csv->samples, "a label a sample");
  require(csv->values.size() == csv->samples * csv->inputs, "as many inputs in every sample");
  require(std::all_of(csv->values.begin(), csv->values.end(),
                      [](double v) { return std::isfinite(v); }),
          "values are finite");
  const std::size_t classes = csv->classes.labels.size();
  require(classes <= most_classes &&
              std::is_sorted(csv->classes.labels.begin(), csv->classes.labels.end()),
          "classes are in the order of their labels");
  require(*std::max_element(csv->labels.begin(), csv->labels.end()) == classes - 1,
          "labels are classes");
  for (const std::string& note : csv->notes) check_message(note);
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (!text.starts_with("\x1f\x8b") && text.find_first_of("\"\r") == std::string::npos)
    if (const auto plain = accepted([] { return read_csv(file.path(), plain_layout()); }))
      check_against_text(
          *plain, text.substr(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0));

  const std::string lines = as_text(*csv);
  file.write(lines);
  const CsvSamples again = read_csv(file.path(), plain_layout());
  require(again.values == csv->values && again.labels == csv->labels && again.classes.are_plain(),
          "samples written anew read back the same");
  if (size % 32 != 0) return 0;  // of a few only: they become files that no buffer holds
  const std::size_t copies = 1 + 200'000 / lines.size();
  std::string many;
  for (std::size_t i = 0; i < copies; ++i) many += lines;
  file.write(many);
  require(read_csv(file.path(), plain_layout()).values.size() == copies * csv->values.size(),
          "a large file has all of its samples");
  return 0;
}
