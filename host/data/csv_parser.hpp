// The fields and rows of CSV text, as libcsv finds them.
#pragma once

#include <csv.h>

#include <exception>
#include <filesystem>
#include <string>
#include <string_view>

namespace gridrun {

/// Parses CSV text as it comes: RFC 4180, where fields in quotes may hold delimiters, line ends
/// and, doubled, quotes; blanks around a field are no part of it. A line ends with LF, CR or both.
/// What derives from it takes the fields. All that fails throws RequestError naming file and line.
class CsvParser {
 public:
  /// `path` is for messages. Where the delimiter is a space, any number of them is one.
  CsvParser(const std::filesystem::path& path, char delimiter);
  virtual ~CsvParser();
  CsvParser(const CsvParser&) = delete;
  CsvParser& operator=(const CsvParser&) = delete;

  /// The next bytes.
  void parse(std::string_view text);

  /// There are no more. Blank lines at the end are passed over, others refused.
  void finish();

 protected:
  virtual void take_field(std::string_view field) = 0;
  virtual void take_row() = 0;  // after its fields, which are one at least

  [[noreturn]] void fail(const std::string& what) const;
  const std::filesystem::path& path() const { return path_; }
  std::size_t line() const { return line_; }  // that the row began on

 private:
  static void field_ended(void* field, std::size_t size, void* self);
  static void row_ended(int end, void* self);
  void on_field(std::string_view field);
  void on_row(int end);
  void throw_what_was_thrown();

  const std::filesystem::path path_;
  const char delimiter_;
  csv_parser parser_;
  std::exception_ptr thrown_;  // of a take_...: none may pass through libcsv's frames
  std::size_t line_ = 1;
  std::size_t blank_line_ = 0;  // the first of those before this row, or 0
  std::size_t lines_in_row_ = 0;
  bool row_has_fields_ = false;
  bool has_quotes_ = false;  // then there may be lines in fields
  bool after_return_ = false;
};

}  // namespace gridrun
