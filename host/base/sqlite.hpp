// SQLite's C interface, with owners for what it hands out and exceptions for its error codes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

namespace gridrun::sqlite {

/// What SQLite refused, in its words.
struct Error : std::runtime_error {
  Error(const std::string& what, bool damaged) : std::runtime_error(what), is_of_damage(damaged) {}
  bool is_of_damage;  // the file is no database, or not as SQLite wrote it
};

struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};

/// A value of a table: NULL, INTEGER, REAL, TEXT or BLOB.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

/// A name as SQL reads it, whatever its characters.
std::string quoted(std::string_view name);

enum class Mode {
  create,          // reads and writes; the file is made where it is missing
  read,            // reads while another process may write
  read_unchanging  // reads a file that nobody writes, and leaves no trace beside it
};

/// One connection, of one thread at a time. All members throw Error.
class Database {
 public:
  /// The path is at most 500 bytes. A lock of another process is waited for, up to 30 s.
  Database(const std::filesystem::path& path, Mode mode);

  void execute(const std::string& sql);
  /// The first cell of the first row; NULL where there is none.
  Cell value(const std::string& sql);
  bool is_read_only() const;
  /// Reads the whole file from its beginning to its end, so that the system has it in its cache:
  /// a disk is many times slower at pages in the order of a table.
  void read_ahead();

  /// Whether the file that was opened is still at its path.
  bool is_in_place() const;

 private:
  friend class Statement;
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

/// SQL that is compiled once. All members throw Error.
class Statement {
 public:
  Statement(Database& database, const std::string& sql);

  /// Gives the parameter ?number, from 1, a value that must live until the statement has run.
  Statement& bind(int number, const Cell& cell);
  /// Whether there is a row, the next; when there is none, the statement may run again.
  bool step();
  /// Runs a statement that has no rows, or none that are of interest.
  void run();
  /// Lets go of the rows that are left.
  void reset();

  int columns() const;
  Cell cell(int column) const;  // from 0, of the row
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // until the next step

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Undone at the end of its life unless it was committed. Within another one it is a part of that,
/// and is of its kind.
class Transaction {
 public:
  enum class Kind { read, write };
  Transaction(Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database& database_;
  const bool is_part_;
  bool is_done_ = false;
};

}  // namespace gridrun::sqlite
