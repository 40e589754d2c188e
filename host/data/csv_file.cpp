#include "data/csv_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/counted.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "data/csv_layout.hpp"
#include "data/csv_parser.hpp"
#include "data/gzip.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

/// The text of a file, of which this holds the start and then some at a time.
class Text {
 public:
  Text(const std::filesystem::path& path, const Progress* progress) : file_(path, progress) {}

  /// Reads so much more of the start. Returns what there is new; nothing at the end of the file.
  std::string_view read_start() {
    constexpr std::size_t first = std::size_t{1} << 18, longest = std::size_t{1} << 30;
    const std::size_t held = bytes_.size();
    if (held >= longest)
      throw RequestError(
          fmt::format("{}: a line of more than 1 GiB, expected samples", path_text(file_.path())));
    if (held != 0)
      require_memory(static_cast<double>(2 * held), fmt::format("{}: a line of more than {} bytes",
                                                                path_text(file_.path()), held));
    read_to(held, std::max(first, 2 * held));
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (held == 0 && all().starts_with(byte_order_mark)) mark_ = byte_order_mark.size();
    return all().substr(std::max(held, mark_));
  }

  /// All of the start that was read, without a byte order mark.
  std::string_view start() const { return all().substr(mark_); }

  /// Reads the next bytes in place of those that are held; nothing at the end of the file.
  std::string_view read_next() {
    read_to(0, bytes_.size());
    return all();
  }

  /// Part of the file that was read, above 0 and up to 1; of a pipe, a half.
  double part_read() const { return file_.part_read().value_or(0.5); }

  /// Bytes so far.
  std::size_t read() const { return read_; }

 private:
  std::string_view all() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  void read_to(std::size_t begin, std::size_t end) {
    bytes_.resize(end);
    const std::size_t got = file_.read(bytes_.data() + begin, end - begin);
    read_ += got;
    bytes_.resize(begin + got);
  }

  InflatingReader file_;
  std::vector<std::uint8_t> bytes_;
  std::size_t mark_ = 0;  // bytes of a byte order mark
  std::size_t read_ = 0;
};

/// Keeps the first two rows.
class FirstRows : public CsvParser {
 public:
  using CsvParser::CsvParser;
  CsvRow rows[2];

 private:
  void take_field(std::string_view field) override {
    if (row_ < std::size(rows)) rows[row_].add(field);
  }
  void take_row() override {
    if (row_ == 0 && rows[0].size() < 2) fail("one field, expected features and a label");
    ++row_;
  }

  std::size_t row_ = 0;
};

class SampleParser : public CsvParser {
 public:
  SampleParser(const std::filesystem::path& path, char delimiter, const FoundLayout& layout)
      : CsvParser(path, delimiter), layout_(layout), header_rows_(layout.has_header ? 1 : 0) {
    samples.inputs = layout.columns - 1;
  }

  CsvSamples samples;  // labels are codes
  LabelCodes codes;
  double part_parsed = 1;  // of the file, about, above 0

 private:
  void take_field(std::string_view field) override {
    const std::size_t column = column_++;
    if (header_rows_ != 0 || column >= layout_.columns) return;
    if (column == 0) make_room();
    if (column == layout_.label)
      take_label(field);
    else
      samples.values.push_back(value_of(field));
  }

  void take_row() override {
    const std::size_t fields = std::exchange(column_, 0);
    if (fields != layout_.columns)
      fail(fmt::format("{}, expected {} as before", counted(fields, "field"), layout_.columns));
    if (header_rows_ != 0)
      --header_rows_;
    else
      ++samples.samples;
  }

  double value_of(std::string_view field) const {
    double value;
    if (!read_number(field, value))
      fail(fmt::format("field {} is '{}', expected a number{}", column_, excerpt(field),
                       has_decimal_comma(field) ? " with a decimal point" : ""));
    if (!std::isfinite(value))
      fail(fmt::format("field {} is {}, expected a finite number", column_, value));
    return value;
  }

  static bool has_decimal_comma(std::string_view field) {
    const auto comma = field.find(',');
    if (comma == std::string_view::npos) return false;
    std::string with_point(field);
    with_point[comma] = '.';
    double number;
    return read_number(with_point, number);
  }

  void take_label(std::string_view field) {
    constexpr std::size_t most_bytes = 256;
    if (!samples.labels.empty() && field == last_label_) {
      samples.labels.push_back(samples.labels.back());
      return;
    }
    double number = 0;
    if (field.empty()) fail(fmt::format("field {} is empty, expected a label", column_));
    if (field.size() > most_bytes)
      fail(fmt::format("field {} is '{}', expected a label of at most {} bytes", column_,
                       excerpt(field), most_bytes));
    if (read_number(field, number) && !std::isfinite(number))
      fail(fmt::format("field {} is {}, expected a label", column_, number));
    last_label_ = field;
    samples.labels.push_back(codes.code(last_label_));
    if (codes.size() > most_classes)
      fail(fmt::format("more than {} different labels in field {}, expected classes", most_classes,
                       column_));
  }

  /// Room for one more sample: at best for all that the file still has, for to move them when there
  /// are more holds them twice. Memory that is reserved and never written is not held, but counts
  /// where the address space is limited: some is left for what else there is to hold.
  void make_room() {
    const std::size_t needed = samples.samples + 1;
    if (needed <= room_) return;
    const auto sample_bytes =
        static_cast<double>(samples.inputs * sizeof(double) + sizeof(std::uint32_t));
    require_memory(static_cast<double>(needed) * sample_bytes,
                   fmt::format("{}: {} and more", path_text(path()), counted(needed, "sample")));
    constexpr double margin = 1.1, most_part = 0.9;
    const double expected = margin * static_cast<double>(needed) / part_parsed;
    const double most = most_part * static_cast<double>(available_memory()) / sample_bytes;
    room_ = std::max(needed, static_cast<std::size_t>(std::min(expected, most)));
    samples.values.reserve(room_ * samples.inputs);
    samples.labels.reserve(room_);
  }

  const FoundLayout layout_;
  std::size_t header_rows_;
  std::size_t column_ = 0;  // of the next field
  std::string last_label_;
  std::size_t room_ = 0;  // samples that there is memory for
};

/// The layout that the start of the text has. `is_whole`: it is all of the text.
FoundLayout layout_of(const std::filesystem::path& path, const CsvLayout& said, char delimiter,
                      std::string_view start, bool is_whole) {
  constexpr double small = 1 << 24;
  const double most_bytes = static_cast<double>(start.size()) * (1 + sizeof(std::size_t));
  if (most_bytes > small)
    require_memory(most_bytes, fmt::format("{}: the fields of two lines", path_text(path)));
  FirstRows first(path, delimiter);
  first.parse(start);
  if (is_whole) first.finish();
  return find_layout(path, said, delimiter, first.rows[0], first.rows[1]);
}

/// Parses the start of the text and what follows, part by part.
void parse_all(Text& text, SampleParser& parser) {
  constexpr std::size_t part = 4096;
  std::size_t parsed = 0;
  for (std::string_view rest = text.start(); !rest.empty(); rest = text.read_next())
    for (; !rest.empty(); rest.remove_prefix(std::min(part, rest.size()))) {
      const std::string_view next = rest.substr(0, part);
      parsed += next.size();
      parser.part_parsed =
          text.part_read() * static_cast<double>(parsed) / static_cast<double>(text.read());
      parser.parse(next);
    }
  parser.finish();
}

/// Whether the samples' first inputs are 0, 1, 2, ...
bool first_inputs_count_up(const CsvSamples& samples) {
  for (std::size_t i = 0; i < samples.samples; ++i)
    if (samples.values[i * samples.inputs] != static_cast<double>(i)) return false;
  return true;
}

void note_columns(CsvSamples& samples, const std::string& file, const CsvLayout& said,
                  const FoundLayout& layout) {
  constexpr std::size_t most_bytes = 40;
  const std::string label =
      file + ": label column " +
      (layout.label_name.empty() ? std::to_string(layout.label + 1)
                                 : fmt::format("'{}'", excerpt(layout.label_name, most_bytes)));
  if (!samples.classes.are_plain())
    samples.notes.push_back(fmt::format("{}, {}", label, samples.classes.text()));
  else if (!said.label && layout.label + 1 != layout.columns)
    samples.notes.push_back(fmt::format("{}, {} of {}", label, layout.label + 1, layout.columns));
  if (layout.first_has_no_name && layout.label != 0 && first_inputs_count_up(samples))
    samples.notes.push_back(
        file + ": the first column has no name and counts up, as an index does, and is an input");
}

}  // namespace

CsvSamples read_csv(const std::filesystem::path& path, const CsvLayout& said,
                    const Progress* progress) {
  Text text(path, progress);
  DelimiterSearch search(path, said.delimiter);
  bool is_whole = false;
  for (bool wants_more = true; wants_more && !is_whole;) {
    const std::string_view read = text.read_start();
    is_whole = read.empty();
    wants_more = search.parse(read);
  }
  if (is_whole) search.finish();
  const char delimiter = search.delimiter();
  const FoundLayout layout = layout_of(path, said, delimiter, text.start(), is_whole);
  SampleParser parser(path, delimiter, layout);
  parse_all(text, parser);
  CsvSamples samples = std::move(parser.samples);
  if (samples.samples == 0)
    throw RequestError(fmt::format(
        "{}: no samples, expected features and a label, one sample a line", path_text(path)));
  samples.classes = classes_of(parser.codes, samples.labels);
  samples.notes = layout.notes;
  note_columns(samples, path_text(path), said, layout);
  return samples;
}

}  // namespace gridrun
