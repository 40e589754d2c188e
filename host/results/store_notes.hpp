// The table `notes` of networks.db: texts by name, each with a checksum.
#pragma once

#include <optional>
#include <string>

#include "base/sqlite.hpp"

namespace gridrun {

/// All members throw sqlite::Error, of damage where any note has not its checksum.
class StoreNotes {
 public:
  static const char* table_sql();

  explicit StoreNotes(sqlite::Database& database);

  std::optional<std::string> find(const std::string& name);
  void set(const std::string& name, const std::string& value);

 private:
  sqlite::Statement select_;
  sqlite::Statement insert_;
};

}  // namespace gridrun
