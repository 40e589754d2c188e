#include "base/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <iterator>
#include <new>
#include <optional>
#include <vector>

namespace gridrun::sqlite {
namespace fs = std::filesystem;
namespace {

Error error_of(sqlite3* connection) {
  const int code = sqlite3_errcode(connection) & 0xff;
  const int system_error = sqlite3_system_errno(connection);
  std::string what = sqlite3_errmsg(connection);
  if ((code == SQLITE_CANTOPEN || code == SQLITE_IOERR) && system_error != 0)
    what += fmt::format(" ({})", std::strerror(system_error));
  return {what, code == SQLITE_CORRUPT || code == SQLITE_NOTADB};
}

/// An absolute path as a URI, with options for SQLite.
std::string uri_of(const fs::path& path, std::string_view options) {
  std::string uri = "file://";
  for (const char c : path.native())
    uri += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02x}", c) : std::string(1, c);
  return uri.append(options);
}

/// Whether the file is no longer at the path where it was opened.
bool has_moved(sqlite3* connection) {
  int moved = 0;
  const int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return code == SQLITE_OK && moved != 0;
}

}  // namespace

std::string quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

void Database::Close::operator()(sqlite3* connection) const {
  // The log is found by its path, where another database's may be by now.
  int keeps_log = has_moved(connection) ? 1 : -1;
  if (keeps_log == 1)
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_PERSIST_WAL, &keeps_log);
  sqlite3_close_v2(connection);
}

Database::Database(const fs::path& relative_path, Mode mode) {
  const fs::path path = fs::absolute(relative_path);
  constexpr std::size_t longest_path =
      500;  // SQLite takes 512, the names of its own files included
  if (path.native().size() > longest_path)
    throw Error(fmt::format("its path is longer than {} bytes", longest_path), false);
  const std::string uri = uri_of(path, mode == Mode::read_unchanging ? "?mode=ro&immutable=1" : "");
  sqlite3* connection = nullptr;
  // A reader may have to write as well: the last one to leave clears up after a writer that died.
  const int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE |
                    (mode == Mode::create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(uri.c_str(), &connection, flags, nullptr);
  connection_.reset(connection);
  if (connection == nullptr) throw std::bad_alloc();
  if (code != SQLITE_OK) throw error_of(connection);
  sqlite3_busy_timeout(connection, 30'000);
  if (mode != Mode::create) execute("PRAGMA query_only = 1");
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw error_of(connection_.get());
}

Cell Database::value(const std::string& sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.cell(0) : Cell();
}

bool Database::is_in_place() const { return !has_moved(connection_.get()); }

bool Database::is_read_only() const { return sqlite3_db_readonly(connection_.get(), "main") == 1; }

/// Through SQLite's own file: closing another one would let go of its locks.
void Database::read_ahead() {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  sqlite3_int64 size = 0;
  if (file == nullptr || file->pMethods == nullptr ||
      file->pMethods->xFileSize(file, &size) != SQLITE_OK)
    return;
  std::vector<char> chunk(1 << 20);
  for (sqlite3_int64 read = 0; read < size; read += std::ssize(chunk))
    file->pMethods->xRead(file, chunk.data(), static_cast<int>(chunk.size()), read);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement::Statement(Database& database, const std::string& sql)
    : connection_(database.connection_.get()) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK)
    throw error_of(connection_);
  statement_.reset(statement);
}

Statement& Statement::bind(int number, const Cell& cell) {
  sqlite3_stmt* const to = statement_.get();
  int code = SQLITE_OK;
  if (const auto* integer = std::get_if<std::int64_t>(&cell))
    code = sqlite3_bind_int64(to, number, *integer);
  else if (const auto* real = std::get_if<double>(&cell))
    code = sqlite3_bind_double(to, number, *real);
  else if (const auto* text = std::get_if<std::string>(&cell))
    code = sqlite3_bind_text64(to, number, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  else if (const auto* blob = std::get_if<Blob>(&cell))
    code = sqlite3_bind_blob64(to, number, blob->bytes.data(), blob->bytes.size(), SQLITE_STATIC);
  else
    code = sqlite3_bind_null(to, number);
  if (code != SQLITE_OK) throw error_of(connection_);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  const bool is_done = code == SQLITE_DONE;
  const std::optional<Error> error = is_done ? std::nullopt : std::optional(error_of(connection_));
  reset();  // which may replace the error
  if (error) throw Error(*error);
  return false;
}

void Statement::run() {
  step();
  reset();
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

int Statement::columns() const { return sqlite3_column_count(statement_.get()); }

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* bytes = sqlite3_column_blob(statement_.get(), column);
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Cell Statement::cell(int column) const {
  switch (sqlite3_column_type(statement_.get(), column)) {
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement_.get(), column);
    case SQLITE_TEXT:
      return std::string(text(column));
    case SQLITE_BLOB:
      return Blob{std::string(text(column))};
    default:
      return std::monostate();
  }
}

Transaction::Transaction(Database& database, Kind kind)
    : database_(database), is_part_(sqlite3_get_autocommit(database.connection_.get()) == 0) {
  database.execute(is_part_ ? "SAVEPOINT part" : kind == Kind::read ? "BEGIN" : "BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  sqlite3* const connection = database_.connection_.get();
  if (!is_done_ && sqlite3_get_autocommit(connection) == 0)
    sqlite3_exec(connection, is_part_ ? "ROLLBACK TO part; RELEASE part" : "ROLLBACK", nullptr,
                 nullptr, nullptr);
}

void Transaction::commit() {
  database_.execute(is_part_ ? "RELEASE part" : "COMMIT");
  is_done_ = true;
}

}  // namespace gridrun::sqlite
