#include "data/csv_layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/counted.hpp"
#include "base/message_text.hpp"
#include "data/class_labels.hpp"
#include "data/csv_parser.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

constexpr std::size_t rows_to_look_at = 2;

bool is_number(std::string_view field) {
  double number;
  return read_number(field, number);
}

bool is_name_of_label(std::string_view name) {
  std::string lower(name);
  for (char& character : lower)
    character = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
  constexpr std::string_view names[] = {"label", "labels",  "class",   "target",
                                        "y",     "species", "category"};
  return std::find(std::begin(names), std::end(names), lower) != std::end(names);
}

/// Whether the numbers of a row are 0, 1, 2, ..., and so many at least.
bool counts_up(const CsvRow& row, std::size_t least) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < row.size(); ++i)
    if (is_number(row[i]) && row[i] != std::to_string(count++)) return false;
  return count >= least;
}

enum class FirstRow { sample, names, numbers };

FirstRow kind_of(const CsvRow& first, const CsvRow& second) {
  constexpr std::size_t least_columns = 3;  // 0,1 may well be a sample
  std::size_t numbers = 0;
  bool has_name = false;  // one that a sample cannot have there
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (is_number(first[i])) {
      ++numbers;
      continue;
    }
    const bool is_above_number = i < second.size() && is_number(second[i]);
    has_name = has_name || is_above_number || is_name_of_label(first[i]);
  }
  if (numbers == 0) return FirstRow::names;
  if (numbers == first.size())
    return counts_up(first, least_columns) ? FirstRow::numbers : FirstRow::sample;
  return has_name && counts_up(first, 2) ? FirstRow::numbers : FirstRow::sample;
}

std::string name_of(char delimiter) {
  switch (delimiter) {
    case ';':
      return "semicolons";
    case '\t':
      return "tabs";
    default:
      return "spaces";
  }
}

std::vector<std::string_view> names_in(const CsvRow& row) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < row.size(); ++i) names.push_back(row[i]);
  return names;
}

/// The label's column, from 0, where the first row is of `names`; those are none without a header.
std::size_t label_column(const std::string& file, const std::optional<KeyValue>& said,
                         std::size_t columns, const std::vector<std::string_view>& names) {
  constexpr std::size_t most_told = 200;
  const auto refuse = [&](const std::string& expected) {
    const auto* name = std::get_if<std::string>(&*said);
    throw RequestError(fmt::format(
        "dataset.label = {}: {} has {}",
        name ? '"' + excerpt(*name) + '"' : std::to_string(std::get<std::int64_t>(*said)), file,
        expected));
  };
  if (said && std::holds_alternative<std::int64_t>(*said)) {
    const auto number = static_cast<std::size_t>(std::get<std::int64_t>(*said));
    if (number > columns) refuse(counted(columns, "column"));
    return number - 1;
  }
  if (said) {
    const auto found = std::find(names.begin(), names.end(), std::get<std::string>(*said));
    if (names.empty()) refuse("no header, expected the number of a column");
    if (found == names.end())
      refuse("the columns " + excerpt(fmt::format("{}", fmt::join(names, ", ")), most_told));
    return static_cast<std::size_t>(found - names.begin());
  }
  const auto named = std::count_if(names.begin(), names.end(), is_name_of_label);
  if (named == 0 || is_name_of_label(names.back())) return columns - 1;
  const auto first = std::find_if(names.begin(), names.end(), is_name_of_label);
  if (named > 1)
    throw RequestError(fmt::format(
        "{}: labels in column {} or in {}, expected dataset.label", file, excerpt(*first),
        excerpt(*std::find_if(first + 1, names.end(), is_name_of_label))));
  return static_cast<std::size_t>(first - names.begin());
}

}  // namespace

void CsvRow::add(std::string_view field) {
  text_ += field;
  ends_.push_back(text_.size());
}

std::string_view CsvRow::operator[](std::size_t i) const {
  const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

/// Counts the fields of the first two rows.
class DelimiterSearch::FieldCounter : public CsvParser {
 public:
  FieldCounter(const std::filesystem::path& path, char character)
      : CsvParser(path, character), delimiter(character) {}

  const char delimiter;
  std::vector<std::size_t> fields;  // of each row
  bool is_done = false;

  bool splits_first() const { return !fields.empty() && fields[0] >= 2; }
  bool splits_both() const {
    return splits_first() && (fields.size() == 1 || fields[1] == fields[0]);
  }

 private:
  void take_field(std::string_view) override { ++of_row_; }
  void take_row() override {
    if (fields.size() < rows_to_look_at) fields.push_back(of_row_);
    is_done = fields.size() == rows_to_look_at;
    of_row_ = 0;
  }

  std::size_t of_row_ = 0;
};

DelimiterSearch::DelimiterSearch(const std::filesystem::path& path, std::optional<char> said) {
  const std::string delimiters = said ? std::string(1, *said) : ";\t, ";
  for (const char delimiter : delimiters)
    counters_.push_back(std::make_unique<FieldCounter>(path, delimiter));
}

DelimiterSearch::~DelimiterSearch() = default;

template <typename Statement>
void DelimiterSearch::on_each(const Statement& statement) {
  for (const auto& counter : counters_) {
    if (counter->is_done) continue;
    try {
      statement(*counter);
    } catch (const RequestError&) {
      counter->is_done = true;  // with this delimiter the text is no CSV; its reader will say so
    }
  }
}

bool DelimiterSearch::parse(std::string_view text) {
  on_each([&](FieldCounter& counter) { counter.parse(text); });
  return !std::all_of(counters_.begin(), counters_.end(),
                      [](const auto& counter) { return counter->is_done; });
}

void DelimiterSearch::finish() {
  on_each([](FieldCounter& counter) { counter.finish(); });
}

char DelimiterSearch::delimiter() const {
  if (counters_.size() == 1) return counters_[0]->delimiter;
  for (const auto splits : {&FieldCounter::splits_both, &FieldCounter::splits_first})
    for (const auto& counter : counters_)
      if ((counter.get()->*splits)()) return counter->delimiter;
  return ',';
}

FoundLayout find_layout(const std::filesystem::path& path, const CsvLayout& said, char delimiter,
                        const CsvRow& first, const CsvRow& second) {
  const std::string file = path_text(path);
  FoundLayout found;
  const auto note = [&](const std::string& text) { found.notes.push_back(file + ": " + text); };
  const FirstRow kind = kind_of(first, second);
  found.has_header = said.header.value_or(kind != FirstRow::sample);
  if (!said.delimiter && delimiter != ',')
    note(fmt::format("fields are separated by {}", name_of(delimiter)));
  if (!said.header && kind == FirstRow::numbers)
    note("the first line, which counts up, is taken for a header");
  found.columns = first.size();
  if (found.columns == 0) return found;  // an empty file
  const auto names = found.has_header ? names_in(first) : std::vector<std::string_view>();
  found.label = label_column(file, said.label, found.columns, names);
  if (found.has_header) {
    found.label_name = names[found.label];
    found.first_has_no_name = names[0].empty() || names[0] == "Unnamed: 0";
  }
  return found;
}

}  // namespace gridrun
