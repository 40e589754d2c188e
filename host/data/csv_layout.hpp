// How a CSV file is laid out, by its first two rows.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gridrun/sweep.hpp"

namespace gridrun {

/// The fields of one row, one behind the other.
class CsvRow {
 public:
  void add(std::string_view field);
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const;

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

/// Finds the delimiter between the fields: of ; tab , and space, in this order, the first that
/// makes two fields or more of the first row, and as many of the second; else the first that makes
/// two fields or more of the first row; else it is a comma.
class DelimiterSearch {
 public:
  /// Where a delimiter is `said`, it is that.
  DelimiterSearch(const std::filesystem::path& path, std::optional<char> said);
  ~DelimiterSearch();

  /// The next bytes of the file. Returns whether more are wanted, for two rows are not yet whole.
  bool parse(std::string_view text);

  /// There are no more bytes.
  void finish();

  char delimiter() const;

 private:
  class FieldCounter;
  template <typename Statement>
  void on_each(const Statement& statement);

  std::vector<std::unique_ptr<FieldCounter>> counters_;
};

/// How a file is laid out in all.
struct FoundLayout {
  bool has_header = false;
  std::size_t columns = 0;
  std::size_t label = 0;           // the label's column, from 0
  std::string label_name;          // of the header, or none
  bool first_has_no_name = false;  // of the header's columns, as an index has none
  std::vector<std::string> notes;  // of what was inferred, where that is not the plain case
};

/// A header is what names the columns: a first row without numbers; or one whose numbers count up,
/// 0, 1, 2, ..., as pandas names columns: all of three or more fields, or those beside a text that
/// stands above a number or is a name that labels have. The label's column is the one that is named
/// label, labels, class, target, y, species or category, in any case; the last, if that is one of
/// several or there is none. Throws RequestError where several are named so, or `said` cannot be.
/// `second` may be empty.
FoundLayout find_layout(const std::filesystem::path& path, const CsvLayout& said, char delimiter,
                        const CsvRow& first, const CsvRow& second);

}  // namespace gridrun
