#include "results/store_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

using sqlite::Cell;
using sqlite::Mode;

constexpr std::int64_t application_id = 0x6752756e;  // "gRun"
constexpr std::int64_t version = 2;

fs::path beside(const fs::path& file, const char* suffix) { return file.native() + suffix; }

bool is_there(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// How a reader opens the file. Where it may write neither the file nor beside it, it cannot take
/// part in SQLite's locking, and need not where nobody has the file open.
Mode reading_mode(const fs::path& file) {
  const bool is_open = is_there(beside(file, "-wal")) || is_there(beside(file, "-journal"));
  const bool may_write = ::access(file.c_str(), W_OK) == 0 &&
                         ::access(fs::absolute(file).parent_path().c_str(), W_OK) == 0;
  return is_open || may_write ? Mode::read : Mode::read_unchanging;
}

/// Refuses what must not be opened, a pipe, which would wait, or a device; and says why what is
/// missing cannot be made, which SQLite does not say.
void check_place(const fs::path& file, StoreAccess access) {
  struct stat status {};
  const fs::path directory = fs::absolute(file).parent_path();
  if (::stat(file.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode))
      throw sqlite::Error("it is not a file; expected a store of networks", false);
  } else if (errno != ENOENT || access == StoreAccess::read ||
             ::access(directory.c_str(), W_OK | X_OK) != 0) {
    throw sqlite::Error(std::strerror(errno), false);
  }
}

}  // namespace

fs::path store_file_in(const fs::path& directory) { return directory / "networks.db"; }

bool has_store_file(const fs::path& directory) { return is_there(store_file_in(directory)); }

void remove_store_file(const fs::path& directory) {
  // The file itself last: where something beside it cannot be removed, it is as it was.
  for (const char* suffix : {"-shm", "-wal", "-journal", ""}) {
    const fs::path path = beside(store_file_in(directory), suffix);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      throw RunError(
          fmt::format("{}: cannot be removed: {}", path_text(path), std::strerror(errno)));
  }
}

sqlite::Database open_store_file(const fs::path& directory, StoreAccess access) {
  const fs::path file = store_file_in(directory);
  check_place(file, access);
  sqlite::Database database(file, access == StoreAccess::write ? Mode::create : reading_mode(file));
  if (access == StoreAccess::write && database.is_read_only())
    throw sqlite::Error("it may only be read", false);
  return database;
}

bool is_store(sqlite::Database& database) {
  const Cell application = database.value("PRAGMA application_id");
  const Cell user_version = database.value("PRAGMA user_version");
  const Cell objects = database.value("SELECT count(*) FROM sqlite_schema");
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

void mark_as_store(sqlite::Database& database) {
  database.execute(fmt::format("PRAGMA application_id = {}", application_id));
  database.execute(fmt::format("PRAGMA user_version = {}", version));
}

void check_pages(sqlite::Database& database) {
  database.read_ahead();
  const Cell found = database.value("PRAGMA quick_check(1)");
  if (found != Cell(std::string("ok"))) {
    const auto* text = std::get_if<std::string>(&found);
    throw sqlite::Error(text ? *text : "it cannot be checked", true);
  }
}

void prepare_to_write(sqlite::Database& database) {
  if (database.value("PRAGMA journal_mode = WAL") != Cell(std::string("wal")))
    throw sqlite::Error("its file system has no shared memory, which SQLite's log needs", false);
  database.execute("PRAGMA synchronous = FULL");
  database.execute("PRAGMA wal_autocheckpoint = 8192");  // pages, 32 MiB
  database.execute(fmt::format("PRAGMA cache_size = -{:.0f}", store_cache_bytes / 1024));
}

}  // namespace gridrun
