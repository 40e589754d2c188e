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

/// Requires that the samples are what the C library reads in the lines, counted from the last one.
void check_against_text(const CsvSamples& csv, const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  while (!lines.empty() && is_blank(lines.back())) lines.pop_back();
  require(lines.size() == csv.samples || lines.size() == csv.samples + 1,
          "a sample a line, and at most one header");
  for (std::size_t i = 0; i < csv.samples; ++i) {
    const std::size_t sample = csv.samples - 1 - i;
    const std::vector<std::string> fields = split(lines[lines.size() - 1 - i], ',');
    require(fields.size() == csv.inputs + 1, "a field an input, and the label");
    for (std::size_t k = 0; k <= csv.inputs; ++k) {
      char* end = nullptr;
      const double value = std::strtod(fields[k].c_str(), &end);
      require(end != fields[k].c_str() && is_blank(end), "an accepted field is a number");
      require(value == (k < csv.inputs ? csv.values[sample * csv.inputs + k] : csv.labels[sample]),
              "a value is what its field says");
    }
  }
}

/// The same samples, written anew.
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
  require(*std::max_element(csv->labels.begin(), csv->labels.end()) <= 65535,
          "labels are class numbers");
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (!text.starts_with("\x1f\x8b"))
    check_against_text(*csv,
                       text.substr(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0));

  const std::string lines = as_text(*csv);
  file.write(lines);
  const CsvSamples again = read_csv(file.path());
  require(again.values == csv->values && again.labels == csv->labels,
          "samples written anew read back the same");
  if (size % 32 != 0) return 0;  // of a few only: they become files that no buffer holds
  const std::size_t copies = 1 + 200'000 / lines.size();
  std::string many;
  for (std::size_t i = 0; i < copies; ++i) many += lines;
  file.write(many);
  require(read_csv(file.path()).values.size() == copies * csv->values.size(),
          "a large file has all of its samples");
  return 0;
}
