#include "results/store_notes.hpp"

#include <fmt/format.h>

#include "base/message_text.hpp"
#include "results/network_row.hpp"

namespace gridrun {
namespace {

std::int64_t checksum_of(std::string_view name, std::string_view value) {
  return static_cast<std::int64_t>(checksum_of_text(value, checksum_of_text(name)));
}

}  // namespace

const char* StoreNotes::table_sql() {
  return "CREATE TABLE notes (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, "
         "checksum INTEGER NOT NULL) STRICT";
}

StoreNotes::StoreNotes(sqlite::Database& database)
    : select_(database, "SELECT name, value, checksum FROM notes NOT INDEXED"),
      insert_(database, "INSERT OR REPLACE INTO notes VALUES (?1, ?2, ?3)") {}

/// Reads all of them, which are few, so that one whose name is damaged is not merely missed.
std::optional<std::string> StoreNotes::find(const std::string& name) {
  std::optional<std::string> value;
  while (select_.step()) {
    if (checksum_of(select_.text(0), select_.text(1)) != select_.integer(2)) {
      const std::string damaged = excerpt(select_.text(0));
      select_.reset();
      throw sqlite::Error(fmt::format("the note {} does not have its checksum", damaged), true);
    }
    if (select_.text(0) == name) value = select_.text(1);
  }
  return value;
}

void StoreNotes::set(const std::string& name, const std::string& value) {
  const sqlite::Cell name_cell = name, value_cell = value, checksum = checksum_of(name, value);
  insert_.bind(1, name_cell).bind(2, value_cell).bind(3, checksum).run();
}

}  // namespace gridrun
