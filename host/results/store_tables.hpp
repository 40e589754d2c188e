// The tables of networks.db: `networks`, and `notes` about all of them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/sqlite.hpp"
#include "results/network_row.hpp"
#include "results/store_notes.hpp"
#include "results/store_totals.hpp"
#include "results/stored_network.hpp"

namespace gridrun {

/// Of an open database, which outlives this. Members throw sqlite::Error; what they do is said of
/// NetworkStore.
class StoreTables {
 public:
  /// Makes the tables, together with these notes, in place of those that there are.
  static void create(sqlite::Database& database, const StoredColumns& columns,
                     const std::map<std::string, std::string>& notes);

  /// Finds the tables, and checks that they are to the letter those of the columns in the notes.
  explicit StoreTables(sqlite::Database& database);

  const StoredColumns& columns() const { return format_.columns(); }

  std::optional<std::string> note(const std::string& name) { return notes_.find(name); }
  void set_note(const std::string& name, const std::string& value) { notes_.set(name, value); }

  void add(const std::vector<StoredNetwork>& networks);
  void set_figures(const std::function<std::vector<double>(const StoredNetwork&)>& figures_of);
  std::vector<HeldNetwork> held();
  void visit(const std::function<void(StoredNetwork&&)>& visit, bool with_weights);
  std::optional<StoredNetwork> find(const std::string& identity);
  StoreTotals totals();

 private:
  StoreTotals totals_of(const NetworkRow& row, const StoredNetwork& network) const;
  void check_totals(const StoreTotals& seen);
  void set_totals(const StoreTotals& totals) { notes_.set("store.totals", totals.text()); }

  sqlite::Database& database_;
  StoreNotes notes_;
  RowFormat format_;
  sqlite::Statement lookup_;  // of what totals need of a row
  sqlite::Statement insert_;
};

}  // namespace gridrun
