// Whole files, inflated where they are gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gridrun {

/// The file's bytes. Throws RequestError naming the file when it cannot be read.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path);

/// The file's bytes, inflated where the file starts as gzip does (whatever its name).
/// Throws RequestError naming the file when it cannot be read, is cut short or corrupt.
std::vector<std::uint8_t> read_file_inflated(const std::filesystem::path& path);

}  // namespace gridrun
