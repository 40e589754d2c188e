// The file networks.db: what SQLite has open, and whether it is a store of ours.
#pragma once

#include <filesystem>

#include "base/sqlite.hpp"
#include "results/store_access.hpp"

namespace gridrun {

std::filesystem::path store_file_in(const std::filesystem::path& directory);
bool has_store_file(const std::filesystem::path& directory);

/// Removes the file and what SQLite keeps beside it. Throws RunError.
void remove_store_file(const std::filesystem::path& directory);

// These throw sqlite::Error.

/// Opens the file; with `write` makes it where it is missing.
sqlite::Database open_store_file(const std::filesystem::path& directory, StoreAccess access);

/// Whether the database is a store of this version, or is empty. Refuses all others.
bool is_store(sqlite::Database& database);
void mark_as_store(sqlite::Database& database);

/// That no page of the file is damaged beyond what a checksum of a row or totals would notice.
void check_pages(sqlite::Database& database);

/// Bytes of pages that SQLite keeps at most of a file that is written.
inline constexpr double store_cache_bytes = 0x1p26;

/// So that what is committed survives a loss of power, and readers do not wait for it.
void prepare_to_write(sqlite::Database& database);

}  // namespace gridrun
