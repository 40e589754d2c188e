#include "results/store_tables.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>

#include "results/store_file.hpp"

namespace gridrun {
namespace {

using sqlite::Cell;
using sqlite::Statement;
using sqlite::Transaction;

constexpr const char* columns_note = "store.columns";
constexpr const char* totals_note = "store.totals";

[[noreturn]] void damaged(const std::string& how) { throw sqlite::Error(how, true); }

/// A note of the store's own.
template <typename Read>
auto parsed(StoreNotes& notes, const char* name, Read read) {
  const std::optional<std::string> text = notes.find(name);
  if (!text) damaged(fmt::format("there is no note {}", name));
  try {
    return read(*text);
  } catch (const std::exception&) {
    damaged(fmt::format("the note {} cannot be read", name));
  }
}

void check_sql(sqlite::Database& database, const std::string& table, const std::string& expected) {
  if (database.value(fmt::format("SELECT sql FROM sqlite_schema WHERE name = '{}'", table)) !=
      Cell(expected))
    damaged(fmt::format("its table {} is another", table));
}

StoreNotes checked_notes(sqlite::Database& database) {
  check_sql(database, "notes", StoreNotes::table_sql());
  return StoreNotes(database);
}

RowFormat checked_format(sqlite::Database& database, StoreNotes& notes) {
  RowFormat format(parsed(notes, columns_note, stored_columns_of));
  check_sql(database, "networks", format.table_sql());
  return format;
}

std::string insert_sql(const RowFormat& format) {
  std::string places = "?1";
  for (std::size_t c = 2; c <= format.width(); ++c) places += fmt::format(", ?{}", c);
  return fmt::format("INSERT OR REPLACE INTO networks VALUES ({})", places);
}

NetworkRow row_at(const Statement& statement) {
  NetworkRow row;
  row.reserve(static_cast<std::size_t>(statement.columns()));
  for (int c = 0; c < statement.columns(); ++c) row.push_back(statement.cell(c));
  return row;
}

/// Of last_steps, whether there are weights, and the checksum.
StoreTotals totals_at(const Statement& row, std::string_view identity) {
  return StoreTotals::of(identity, row.integer(0), row.integer(1) != 0, row.integer(2));
}

}  // namespace

void StoreTables::create(sqlite::Database& database, const StoredColumns& columns,
                         const std::map<std::string, std::string>& notes) {
  Transaction transaction(database, Transaction::Kind::write);
  for (const char* table : {"networks", "notes"})
    database.execute(fmt::format("DROP TABLE IF EXISTS {}", table));
  mark_as_store(database);
  database.execute(StoreNotes::table_sql());
  database.execute(RowFormat(columns).table_sql());
  StoreNotes all(database);
  for (const auto& [name, value] : notes) all.set(name, value);
  all.set(columns_note, text_of(columns));
  all.set(totals_note, StoreTotals().text());
  transaction.commit();
}

StoreTables::StoreTables(sqlite::Database& database)
    : database_(database),
      notes_(checked_notes(database)),
      format_(checked_format(database, notes_)),
      lookup_(database,
              "SELECT last_steps, weights_checksum IS NOT NULL, checksum FROM networks "
              "WHERE identity = ?1"),
      insert_(database, insert_sql(format_)) {}

void StoreTables::add(const std::vector<StoredNetwork>& networks) {
  Transaction transaction(database_, Transaction::Kind::write);
  StoreTotals all = totals();
  for (const StoredNetwork& network : networks) {
    const NetworkRow row = format_.row_of(network);
    lookup_.bind(1, row[0]);
    if (lookup_.step()) all -= totals_at(lookup_, network.identity);
    lookup_.reset();
    for (std::size_t c = 0; c < row.size(); ++c) insert_.bind(static_cast<int>(c + 1), row[c]);
    insert_.run();
    all += StoreTotals::of(network.identity, network.last_steps, !network.weights.empty(),
                           format_.checksum_in(row));
  }
  set_totals(all);
  transaction.commit();
}

void StoreTables::set_figures(
    const std::function<std::vector<double>(const StoredNetwork&)>& figures_of) {
  Transaction transaction(database_, Transaction::Kind::write);
  Statement next(database_,
                 fmt::format("SELECT {}, rowid FROM networks WHERE rowid > ?1 ORDER BY rowid "
                             "LIMIT 1",
                             format_.names(false)));
  Statement update(database_, fmt::format("UPDATE networks SET {} WHERE rowid = ?1",
                                          format_.figure_assignments(2)));
  StoreTotals before, after;
  for (Cell place = std::numeric_limits<std::int64_t>::min(); next.bind(1, place).step();) {
    NetworkRow row = row_at(next);
    place = std::move(row.back());
    row.pop_back();
    next.reset();
    const StoredNetwork network = format_.network_of(row);
    before += totals_of(row, network);
    const std::vector<Cell> changed = format_.set_figures(row, figures_of(network));
    update.bind(1, place);
    for (std::size_t c = 0; c < changed.size(); ++c)
      update.bind(static_cast<int>(c + 2), changed[c]);
    update.run();
    row[row.size() - 1] = changed.back();
    after += totals_of(row, network);
  }
  check_totals(before);
  set_totals(after);
  transaction.commit();
}

std::vector<HeldNetwork> StoreTables::held() {
  const Transaction snapshot(database_, Transaction::Kind::read);
  std::vector<HeldNetwork> all;
  StoreTotals seen;
  Statement select(database_,
                   "SELECT last_steps, weights_checksum IS NOT NULL, 0, identity, "
                   "diagnostics IS NOT NULL FROM networks NOT INDEXED");
  std::uint64_t by_row = 0, by_index = 0;
  while (select.step()) {
    const std::string_view identity = select.text(3);
    seen += totals_at(select, identity);
    by_row += checksum_of_text(identity);
    all.push_back({std::string(identity), static_cast<std::uint32_t>(select.integer(0)),
                   select.integer(1) != 0, select.integer(4) != 0});
  }
  // What finds a network by its identity, and notices one that is there already.
  Statement index(database_, "SELECT identity FROM networks ORDER BY identity");
  while (index.step()) by_index += checksum_of_text(index.text(0));
  seen.checksums = totals().checksums;
  check_totals(seen);
  if (by_row != by_index) damaged("its index has other networks than its table");
  return all;
}

void StoreTables::visit(const std::function<void(StoredNetwork&&)>& visit, bool with_weights) {
  const Transaction snapshot(database_, Transaction::Kind::read);
  StoreTotals seen;
  Statement select(database_,
                   fmt::format("SELECT {} FROM networks NOT INDEXED", format_.names(with_weights)));
  while (select.step()) {
    NetworkRow row = row_at(select);
    StoredNetwork network = format_.network_of(row);
    seen += totals_of(row, network);
    visit(std::move(network));
  }
  check_totals(seen);
}

std::optional<StoredNetwork> StoreTables::find(const std::string& identity) {
  Statement select(database_,
                   fmt::format("SELECT {} FROM networks WHERE identity = ?1", format_.names(true)));
  const Cell cell = identity;
  if (!select.bind(1, cell).step()) return std::nullopt;
  return format_.network_of(row_at(select));
}

StoreTotals StoreTables::totals() { return parsed(notes_, totals_note, StoreTotals::of_text); }

StoreTotals StoreTables::totals_of(const NetworkRow& row, const StoredNetwork& network) const {
  return StoreTotals::of(network.identity, network.last_steps, format_.has_weights(row),
                         format_.checksum_in(row));
}

void StoreTables::check_totals(const StoreTotals& seen) {
  const StoreTotals expected = totals();
  if (seen.networks != expected.networks)
    damaged(fmt::format("there are {} networks of {}", seen.networks, expected.networks));
  if (seen != expected) damaged("its networks are not those that were added");
}

}  // namespace gridrun
