#include "results/network_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/message_text.hpp"
#include "base/sqlite.hpp"
#include "gridrun/error.hpp"
#include "results/network_row.hpp"
#include "results/store_notes.hpp"
#include "results/store_totals.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

using sqlite::Cell;
using sqlite::Mode;
using sqlite::Statement;
using sqlite::Transaction;

constexpr std::int64_t application_id = 0x6752756e;  // "gRun"
constexpr std::int64_t version = 1;
constexpr const char* columns_note = "store.columns";
constexpr const char* totals_note = "store.totals";

fs::path file_in(const fs::path& directory) { return directory / "networks.db"; }

fs::path beside(const fs::path& file, const char* suffix) { return file.native() + suffix; }

bool is_there(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Runs `action`; what SQLite refuses becomes one line that names the file.
template <typename Refusal, typename Action>
auto naming(const fs::path& file, const char* deed, Action&& action) {
  try {
    return action();
  } catch (const sqlite::Error& error) {
    const std::string why = excerpt(error.what(), 300);
    if (error.is_of_damage)
      throw Refusal(fmt::format(
          "{}: is damaged: {}; expected the networks as gridrun wrote them: restore a copy, or "
          "remove it",
          path_text(file), why));
    throw Refusal(fmt::format("{}: cannot be {}: {}", path_text(file), deed, why));
  }
}

[[noreturn]] void damaged(const std::string& how) { throw sqlite::Error(how, true); }

constexpr std::array<const char*, 5> kind_names = {"integer", "real", "boolean", "text",
                                                   "integers"};

std::string text_of(const StoredColumns& columns) {
  auto axes = nlohmann::json::array();
  for (const StoredAxis& axis : columns.axes)
    axes.push_back(
        {{"name", axis.name}, {"kind", kind_names[static_cast<std::size_t>(axis.kind)]}});
  return nlohmann::json{{"axes", axes}, {"figures", columns.figures}}.dump();
}

StoredColumns columns_of(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  StoredColumns columns;
  for (const auto& axis : json.at("axes")) {
    const std::string kind = axis.at("kind");
    const auto place = std::find(kind_names.begin(), kind_names.end(), kind) - kind_names.begin();
    columns.axes.push_back({axis.at("name"), static_cast<ValueKind>(place)});
  }
  columns.figures = json.at("figures").get<std::vector<std::string>>();
  return columns;
}

/// How a reader opens the file. Where it may write neither the file nor beside it, it cannot take
/// part in SQLite's locking, and need not where nobody has the file open.
Mode reading_mode(const fs::path& file) {
  const bool is_open = is_there(beside(file, "-wal")) || is_there(beside(file, "-journal"));
  const bool may_write = ::access(file.c_str(), W_OK) == 0 &&
                         ::access(fs::absolute(file).parent_path().c_str(), W_OK) == 0;
  return is_open || may_write ? Mode::read : Mode::read_unchanging;
}

/// Refuses what must not be opened: a pipe, which would wait, or a device.
void check_kind_of_file(const fs::path& file, NetworkStore::Access access) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode))
      throw sqlite::Error("is not a file; expected a store of networks", false);
  } else if (errno != ENOENT || access == NetworkStore::Access::read) {
    throw sqlite::Error(std::strerror(errno), false);
  }
}

}  // namespace

/// The open file. Members throw sqlite::Error.
class NetworkStore::Tables {
 public:
  Tables(const fs::path& directory, Access access)
      : file(file_in(directory)),
        database_((check_kind_of_file(file, access), file),
                  access == Access::write ? Mode::create : reading_mode(file)) {
    {
      const Transaction snapshot(database_, Transaction::Kind::read);
      if (is_ours()) read_layout();
      if (access == Access::write) check_whole();
    }
    if (access == Access::write) prepare_to_write();
  }

  bool is_new() const { return !layout_; }
  const RowFormat& format() const { return layout_->format; }

  void create(StoredColumns columns, const std::map<std::string, std::string>& notes) {
    Transaction transaction(database_, Transaction::Kind::write);
    const RowFormat format(std::move(columns));
    database_.execute(fmt::format("PRAGMA application_id = {}", application_id));
    database_.execute(fmt::format("PRAGMA user_version = {}", version));
    database_.execute(StoreNotes::table_sql());
    database_.execute(format.table_sql());
    StoreNotes all(database_);
    for (const auto& [name, value] : notes) all.set(name, value);
    all.set(columns_note, text_of(format.columns()));
    all.set(totals_note, StoreTotals().text());
    transaction.commit();
    layout_.emplace(database_, format);
  }

  std::optional<std::string> note(const std::string& name) { return layout_->notes.find(name); }

  void set_note(const std::string& name, const std::string& value) {
    layout_->notes.set(name, value);
  }

  void add(const std::vector<StoredNetwork>& networks) {
    Transaction transaction(database_, Transaction::Kind::write);
    StoreTotals all = totals();
    for (const StoredNetwork& network : networks) {
      const NetworkRow row = format().row_of(network);
      layout_->lookup.bind(1, row[0]);
      if (layout_->lookup.step()) all -= totals_of(network.identity, layout_->lookup);
      layout_->lookup.reset();
      for (std::size_t c = 0; c < row.size(); ++c)
        layout_->insert.bind(static_cast<int>(c + 1), row[c]);
      layout_->insert.run();
      all += StoreTotals::of(network.identity, network.last_steps, !network.weights.empty(),
                             format().checksum_in(row));
    }
    set_totals(all);
    transaction.commit();
  }

  void set_figures(const std::function<std::vector<double>(const StoredNetwork&)>& figures_of) {
    Transaction transaction(database_, Transaction::Kind::write);
    Statement next(database_,
                   fmt::format("SELECT {}, rowid FROM networks WHERE rowid > ?1 ORDER BY rowid "
                               "LIMIT 1",
                               format().names(false)));
    Statement update(database_, fmt::format("UPDATE networks SET {} WHERE rowid = ?1",
                                            format().figure_assignments(2)));
    StoreTotals before, after;
    for (Cell place = std::numeric_limits<std::int64_t>::min(); next.bind(1, place).step();) {
      NetworkRow row = row_at(next);
      place = std::move(row.back());
      row.pop_back();
      next.reset();
      const StoredNetwork network = format().network_of(row);
      before += totals_of(row, network);
      const std::vector<Cell> changed = format().set_figures(row, figures_of(network));
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

  std::vector<Held> held() {
    const Transaction snapshot(database_, Transaction::Kind::read);
    std::vector<Held> all;
    StoreTotals seen;
    Statement select(database_,
                     "SELECT last_steps, weights_checksum IS NOT NULL, 0, identity FROM networks "
                     "NOT INDEXED");
    std::uint64_t by_row = 0, by_index = 0;
    while (select.step()) {
      const std::string_view identity = select.text(3);
      seen += totals_of(identity, select);
      by_row += checksum_of_text(identity);
      all.push_back({std::string(identity), static_cast<std::uint32_t>(select.integer(0)),
                     select.integer(1) != 0});
    }
    // What finds a network by its identity, and notices one that is there already.
    Statement index(database_, "SELECT identity FROM networks ORDER BY identity");
    while (index.step()) by_index += checksum_of_text(index.text(0));
    seen.checksums = totals().checksums;
    check_totals(seen);
    if (by_row != by_index) damaged("its index has other networks than its table");
    return all;
  }

  void visit(const std::function<void(StoredNetwork&&)>& visit, bool with_weights) {
    const Transaction snapshot(database_, Transaction::Kind::read);
    StoreTotals seen;
    Statement select(database_, fmt::format("SELECT {} FROM networks NOT INDEXED",
                                            format().names(with_weights)));
    while (select.step()) {
      NetworkRow row = row_at(select);
      StoredNetwork network = format().network_of(row);
      seen += totals_of(row, network);
      visit(std::move(network));
    }
    check_totals(seen);
  }

  std::optional<StoredNetwork> find(const std::string& identity) {
    Statement select(database_, fmt::format("SELECT {} FROM networks WHERE identity = ?1",
                                            format().names(true)));
    const Cell cell = identity;
    if (!select.bind(1, cell).step()) return std::nullopt;
    return format().network_of(row_at(select));
  }

  StoreTotals totals() {
    const std::optional<std::string> text = note(totals_note);
    if (!text) damaged("there are no totals");
    return StoreTotals::of_text(*text);
  }

  const fs::path file;

 private:
  /// What a store has once it was created.
  struct Layout {
    Layout(sqlite::Database& database, RowFormat row_format)
        : format(std::move(row_format)),
          notes(database),
          lookup(database,
                 "SELECT last_steps, weights_checksum IS NOT NULL, checksum FROM networks "
                 "WHERE identity = ?1"),
          insert(database, insert_sql(format)) {}

    static std::string insert_sql(const RowFormat& format) {
      std::string places = "?1";
      for (std::size_t c = 2; c <= format.width(); ++c) places += fmt::format(", ?{}", c);
      return fmt::format("INSERT OR REPLACE INTO networks VALUES ({})", places);
    }

    RowFormat format;
    StoreNotes notes;
    Statement lookup;
    Statement insert;
  };

  /// Whether create() was called. Refuses other databases.
  bool is_ours() {
    const Cell application = database_.value("PRAGMA application_id");
    const Cell user_version = database_.value("PRAGMA user_version");
    const Cell objects = database_.value("SELECT count(*) FROM sqlite_schema");
    if (application == Cell(0) && user_version == Cell(0) && objects == Cell(0)) return false;
    if (application != Cell(application_id))
      throw sqlite::Error(
          fmt::format("it is a database of another program; expected application_id {}",
                      application_id),
          false);
    if (user_version != Cell(version))
      throw sqlite::Error(fmt::format("it is of version {}; expected version {}, which this "
                                      "gridrun knows",
                                      std::get<std::int64_t>(user_version), version),
                          false);
    return true;
  }

  /// The tables must be to the letter what the columns in the notes ask for.
  void read_layout() {
    check_sql("notes", StoreNotes::table_sql());
    const std::optional<std::string> columns = StoreNotes(database_).find(columns_note);
    if (!columns) damaged("there is no list of its columns");
    const RowFormat format(columns_of(*columns));
    check_sql("networks", format.table_sql());
    layout_.emplace(database_, format);
  }

  void check_sql(const std::string& table, const std::string& expected) {
    if (database_.value(fmt::format("SELECT sql FROM sqlite_schema WHERE name = '{}'", table)) !=
        Cell(expected))
      damaged(fmt::format("its table {} is another", table));
  }

  void check_whole() {
    const Cell found = database_.value("PRAGMA quick_check(1)");
    if (found != Cell(std::string("ok"))) {
      const auto* text = std::get_if<std::string>(&found);
      damaged(text ? *text : "it cannot be checked");
    }
  }

  void prepare_to_write() {
    if (database_.is_read_only()) throw sqlite::Error("it may only be read", false);
    if (database_.value("PRAGMA journal_mode = WAL") != Cell(std::string("wal")))
      throw sqlite::Error("its file system has no shared memory, which SQLite's log needs", false);
    database_.execute("PRAGMA synchronous = FULL");
    database_.execute("PRAGMA wal_autocheckpoint = 8192");  // pages, 32 MiB
    database_.execute("PRAGMA cache_size = -65536");        // KiB
  }

  static NetworkRow row_at(const Statement& statement) {
    NetworkRow row;
    row.reserve(static_cast<std::size_t>(statement.columns()));
    for (int c = 0; c < statement.columns(); ++c) row.push_back(statement.cell(c));
    return row;
  }

  /// Of last_steps, whether there are weights, and the checksum.
  static StoreTotals totals_of(std::string_view identity, const Statement& row) {
    return StoreTotals::of(identity, row.integer(0), row.integer(1) != 0, row.integer(2));
  }

  StoreTotals totals_of(const NetworkRow& row, const StoredNetwork& network) const {
    return StoreTotals::of(network.identity, network.last_steps, format().has_weights(row),
                           format().checksum_in(row));
  }

  void check_totals(const StoreTotals& seen) {
    const StoreTotals expected = totals();
    if (seen.networks != expected.networks)
      damaged(fmt::format("there are {} networks of {}", seen.networks, expected.networks));
    if (seen != expected) damaged("its networks are not those that were added");
  }

  void set_totals(const StoreTotals& totals) { layout_->notes.set(totals_note, totals.text()); }

  sqlite::Database database_;
  std::optional<Layout> layout_;
};

NetworkStore::NetworkStore(const fs::path& directory, Access access)
    : tables_(naming<RequestError>(file_in(directory), "used",
                                   [&] { return std::make_unique<Tables>(directory, access); })) {}

NetworkStore::~NetworkStore() = default;
NetworkStore::NetworkStore(NetworkStore&&) noexcept = default;
NetworkStore& NetworkStore::operator=(NetworkStore&&) noexcept = default;

bool NetworkStore::is_in(const fs::path& directory) { return is_there(file_in(directory)); }

void NetworkStore::remove(const fs::path& directory) {
  const fs::path file = file_in(directory);
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    const fs::path path = beside(file, suffix);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      throw RunError(
          fmt::format("{}: cannot be removed: {}", path_text(path), std::strerror(errno)));
  }
}

bool NetworkStore::is_new() const { return tables_->is_new(); }

void NetworkStore::create(const std::vector<StoredAxis>& axes,
                          const std::vector<std::string>& figures,
                          const std::map<std::string, std::string>& notes) {
  naming<RunError>(tables_->file, "created", [&] { tables_->create({axes, figures}, notes); });
}

const std::vector<StoredAxis>& NetworkStore::axes() const {
  static const std::vector<StoredAxis> none;
  return is_new() ? none : tables_->format().columns().axes;
}

const std::vector<std::string>& NetworkStore::figures() const {
  static const std::vector<std::string> none;
  return is_new() ? none : tables_->format().columns().figures;
}

std::optional<std::string> NetworkStore::note(const std::string& name) const {
  if (is_new()) return std::nullopt;
  return naming<RequestError>(tables_->file, "read", [&] { return tables_->note(name); });
}

void NetworkStore::set_note(const std::string& name, const std::string& value) {
  naming<RunError>(tables_->file, "written", [&] { tables_->set_note(name, value); });
}

void NetworkStore::add(const std::vector<StoredNetwork>& networks) {
  naming<RunError>(tables_->file, "written", [&] { tables_->add(networks); });
}

void NetworkStore::set_figures(
    const std::function<std::vector<double>(const StoredNetwork&)>& figures_of) {
  naming<RunError>(tables_->file, "written", [&] { tables_->set_figures(figures_of); });
}

std::vector<NetworkStore::Held> NetworkStore::held() const {
  if (is_new()) return {};
  return naming<RequestError>(tables_->file, "read", [&] { return tables_->held(); });
}

void NetworkStore::visit(const std::function<void(StoredNetwork&&)>& visit,
                         bool with_weights) const {
  if (is_new()) return;
  naming<RequestError>(tables_->file, "read", [&] { tables_->visit(visit, with_weights); });
}

std::optional<StoredNetwork> NetworkStore::find(const std::string& identity) const {
  if (is_new()) return std::nullopt;
  return naming<RequestError>(tables_->file, "read", [&] { return tables_->find(identity); });
}

std::size_t NetworkStore::size() const {
  if (is_new()) return 0;
  return naming<RequestError>(tables_->file, "read",
                              [&] { return std::size_t{tables_->totals().networks}; });
}

}  // namespace gridrun
