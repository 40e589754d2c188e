// Files that are read: one line names what is wrong with one, and a stopped run does not wait for
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/file_descriptor.hpp"
#include "gridrun/progress.hpp"

namespace gridrun {

/// A file that is open for reading. All members throw RequestError naming the file when it cannot
/// be read, and Interrupted when `progress` was stopped.
class InputFile {
 public:
  /// `progress` may be null.
  InputFile(const std::filesystem::path& path, const Progress* progress);

  const std::filesystem::path& path() const { return path_; }

  /// Its size; nothing where it is not a regular file.
  std::optional<std::uint64_t> size() const;

  /// Reads `count` bytes, or fewer where the file ends.
  std::size_t read(std::uint8_t* to, std::size_t count);

  /// Bytes read so far.
  std::size_t done() const { return done_; }

  void check_stopped() const {
    if (progress_) progress_->throw_if_stopped();
  }

 private:
  std::filesystem::path path_;
  const Progress* progress_;
  FileDescriptor descriptor_;
  std::size_t done_ = 0;
};

/// The bytes of a file of up to 64 MiB, a configuration's or a record's. Throws RequestError naming
/// the file when it cannot be read or is larger.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path);

}  // namespace gridrun
