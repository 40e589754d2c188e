#include "data/csv_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

constexpr std::size_t longest_field = std::size_t{64} << 20;  // bytes

void* resize_field(void* field, std::size_t size) {
  return size > longest_field ? nullptr : std::realloc(field, size);
}

}  // namespace

CsvParser::CsvParser(const std::filesystem::path& path, char delimiter)
    : path_(path), delimiter_(delimiter) {
  if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0) throw std::bad_alloc();
  csv_set_delim(&parser_, static_cast<unsigned char>(delimiter));
  csv_set_realloc_func(&parser_, resize_field);
  constexpr std::size_t growth = 4096;  // bytes of a long field's memory
  csv_set_blk_size(&parser_, growth);
}

CsvParser::~CsvParser() { csv_free(&parser_); }

void CsvParser::fail(const std::string& what) const {
  throw RequestError(fmt::format("{}:{}: {}", path_text(path_), line_, what));
}

void CsvParser::parse(std::string_view text) {
  has_quotes_ = has_quotes_ || text.find('"') != std::string_view::npos;
  const std::size_t parsed =
      csv_parse(&parser_, text.data(), text.size(), field_ended, row_ended, this);
  throw_what_was_thrown();
  if (parsed == text.size()) return;
  if (csv_error(&parser_) == CSV_EPARSE)
    fail("a quote inside of a field, expected quotes around all of it and doubled in it");
  fail("a field of more than 64 MiB, expected each quote to be closed");
}

void CsvParser::finish() {
  const int failed = csv_fini(&parser_, field_ended, row_ended, this);
  throw_what_was_thrown();
  if (failed != 0) fail("a quote that is not closed");
}

void CsvParser::throw_what_was_thrown() {
  if (thrown_) std::rethrow_exception(thrown_);
}

void CsvParser::field_ended(void* field, std::size_t size, void* self) {
  auto& parser = *static_cast<CsvParser*>(self);
  if (parser.thrown_) return;
  try {
    parser.on_field({static_cast<const char*>(field), size});
  } catch (...) {
    parser.thrown_ = std::current_exception();
  }
}

void CsvParser::row_ended(int end, void* self) {
  auto& parser = *static_cast<CsvParser*>(self);
  if (parser.thrown_) return;
  try {
    parser.on_row(end);
  } catch (...) {
    parser.thrown_ = std::current_exception();
  }
}

void CsvParser::on_field(std::string_view field) {
  if (field.empty() && delimiter_ == ' ') return;
  if (!row_has_fields_) {
    if (blank_line_ != 0) {
      line_ = blank_line_;
      fail("empty, expected a sample");
    }
    row_has_fields_ = true;
  }
  if (has_quotes_)
    lines_in_row_ += static_cast<std::size_t>(std::count(field.begin(), field.end(), '\n'));
  take_field(field);
}

/// `end` is the character that ended the row, -1 at the end of the text.
void CsvParser::on_row(int end) {
  const bool is_second_half = end == CSV_LF && after_return_ && !row_has_fields_;
  after_return_ = end == CSV_CR;
  if (is_second_half) return;
  if (row_has_fields_)
    take_row();
  else if (blank_line_ == 0)
    blank_line_ = line_;
  line_ += 1 + lines_in_row_;
  lines_in_row_ = 0;
  row_has_fields_ = false;
}

}  // namespace gridrun
