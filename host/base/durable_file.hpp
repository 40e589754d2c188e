// Files and directories that a loss of power does not take.
#pragma once

#include <filesystem>
#include <string_view>

namespace gridrun {

/// Writes all of `contents` to a file, new or emptied. Throws RunError naming the file.
void write_file(const std::filesystem::path& path, std::string_view contents);

/// Returns once the disk has the contents of a file, or the names in a directory. Throws RunError
/// naming it.
void sync_to_disk(const std::filesystem::path& path);

}  // namespace gridrun
