#include "data/csv_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/counted.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "data/gzip.hpp"
#include "gridrun/error.hpp"

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
  if (field.starts_with('+') && !field.starts_with("+-")) field.remove_prefix(1);
  const char* end = field.data() + field.size();
  const auto [stopped, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

/// Takes what is before the next comma off the front of `text`.
std::string_view next_field(std::string_view& text) {
  const auto end = text.find(',');
  const std::string_view taken = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return taken;
}

/// The lines of a text file, of which it holds some at a time.
class LineReader {
 public:
  LineReader(const std::filesystem::path& path, const Progress* progress)
      : file_(path, progress), bytes_(std::size_t{1} << 18) {}

  /// About which part of the file the lines so far were, above 0 and up to 1; of a pipe, a half.
  double part_taken() const {
    const double part_of_read =
        1 - static_cast<double>(filled_ - begin_) / static_cast<double>(read_);
    return file_.part_read().value_or(0.5) * part_of_read;
  }

  /// The next line, without its end, until the next call; nothing after the last one.
  std::optional<std::string_view> next() {
    std::size_t searched = begin_;
    for (;;) {
      const auto* end =
          static_cast<const char*>(std::memchr(bytes_.data() + searched, '\n', filled_ - searched));
      if (end) return take(static_cast<std::size_t>(end - text()) + 1, 1);
      searched = filled_ - begin_;
      if (at_end_) return begin_ == filled_ ? std::nullopt : std::optional(take(filled_, 0));
      fill();
    }
  }

 private:
  const char* text() const { return reinterpret_cast<const char*>(bytes_.data()); }

  std::string_view take(std::size_t end, std::size_t line_end) {
    const std::string_view line(text() + begin_, end - line_end - begin_);
    begin_ = end;
    return line;
  }

  /// Moves what is held to the front and reads on behind it.
  void fill() {
    constexpr std::size_t longest_line = std::size_t{1} << 30;
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
              bytes_.begin() + static_cast<std::ptrdiff_t>(filled_), bytes_.begin());
    filled_ -= begin_;
    begin_ = 0;
    if (filled_ == bytes_.size()) {
      if (filled_ >= longest_line)
        throw RequestError(fmt::format("{}: a line of more than 1 GiB, expected samples",
                                       path_text(file_.path())));
      const std::size_t longer = 2 * filled_;
      require_memory(static_cast<double>(longer), fmt::format("{}: a line of more than {} bytes",
                                                              path_text(file_.path()), filled_));
      bytes_.resize(longer);
    }
    const std::size_t wanted = bytes_.size() - filled_;
    const std::size_t got = file_.read(bytes_.data() + filled_, wanted);
    filled_ += got;
    read_ += got;
    at_end_ = got < wanted;
  }

  InflatingReader file_;
  std::vector<std::uint8_t> bytes_;
  std::size_t begin_ = 0, filled_ = 0;  // of the bytes not yet taken
  std::size_t read_ = 0;                // bytes so far
  bool at_end_ = false;
};

class CsvReader {
 public:
  CsvReader(const std::filesystem::path& path, const Progress* progress)
      : path_(path), lines_(path, progress) {}

  CsvSamples read() {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    std::optional<std::size_t> empty_line;
    while (auto text = lines_.next()) {
      if (++line_ == 1 && text->starts_with(byte_order_mark))
        text->remove_prefix(byte_order_mark.size());
      const std::string_view line = trimmed(*text);
      if (line.empty()) {
        if (!empty_line) empty_line = line_;
        continue;
      }
      if (empty_line) {
        line_ = *empty_line;
        fail("empty, expected a sample");
      }
      if (!(line_ == 1 && is_header(line))) add(line);
    }
    if (samples_.samples == 0)
      throw RequestError(
          fmt::format("{}: no samples, expected numbers separated by commas, one sample a line",
                      path_text(path_)));
    return std::move(samples_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw RequestError(fmt::format("{}:{}: {}", path_text(path_), line_, what));
  }

  /// A header has a name in every column: a first line with some numbers is a broken sample.
  static bool is_header(std::string_view line) {
    while (!line.empty())
      if (number(trimmed(next_field(line)))) return false;
    return true;
  }

  void add(std::string_view line) {
    fields_.clear();
    for (bool more = true; more;) {
      if (fields_.size() == fields_.capacity()) make_room_for_fields(line);
      more = line.find(',') != std::string_view::npos;
      const std::string_view field = trimmed(next_field(line));
      const auto value = number(field);
      if (!value)
        fail(
            fmt::format("field {} is '{}', expected a number", fields_.size() + 1, excerpt(field)));
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
    make_room();
    samples_.values.insert(samples_.values.end(), fields_.begin(), fields_.end() - 1);
    samples_.labels.push_back(static_cast<std::uint32_t>(label));
    ++samples_.samples;
  }

  /// Room for all fields of a line whose rest this is.
  void make_room_for_fields(std::string_view rest) {
    const std::size_t fields =
        fields_.size() + 1 + static_cast<std::size_t>(std::count(rest.begin(), rest.end(), ','));
    require_memory(static_cast<double>(fields * sizeof(double)),
                   fmt::format("{}:{}: {} fields", path_text(path_), line_, fields));
    fields_.reserve(fields);
  }

  /// Room for one more sample: at best for all that the file still has, for to move them when there
  /// are more holds them twice. Memory that is reserved and never written is not held, but counts
  /// where the address space is limited: some is left for what else there is to hold.
  void make_room() {
    const std::size_t needed = samples_.samples + 1;
    if (needed <= room_) return;
    const auto sample_bytes =
        static_cast<double>(samples_.inputs * sizeof(double) + sizeof(std::uint32_t));
    require_memory(static_cast<double>(needed) * sample_bytes,
                   fmt::format("{}: {} and more", path_text(path_), counted(needed, "sample")));
    constexpr double margin = 1.1, most_part = 0.9;
    const double expected = margin * static_cast<double>(needed) / lines_.part_taken();
    const double most = most_part * static_cast<double>(available_memory()) / sample_bytes;
    room_ = std::max(needed, static_cast<std::size_t>(std::min(expected, most)));
    samples_.values.reserve(room_ * samples_.inputs);
    samples_.labels.reserve(room_);
  }

  const std::filesystem::path path_;
  LineReader lines_;
  std::size_t line_ = 0;
  std::vector<double> fields_;
  CsvSamples samples_;
  std::size_t room_ = 0;  // samples that there is memory for
};

}  // namespace

CsvSamples read_csv(const std::filesystem::path& path, const Progress* progress) {
  return CsvReader(path, progress).read();
}

}  // namespace gridrun
