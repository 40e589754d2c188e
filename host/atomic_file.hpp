// Files that appear whole or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace gridrun {

/// A file under construction beside its final name. It replaces what is at that name on commit(),
/// and leaves no trace without.
class AtomicFile {
 public:
  /// Lets `write` fill a new file at the path that it is given, then has the disk keep it.
  /// Throws RunError naming the file when that fails; whatever `write` throws passes.
  AtomicFile(std::filesystem::path path,
             const std::function<void(const std::filesystem::path&)>& write);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  /// Puts the file in its place. Throws RunError.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;  // empty once committed or moved from
};

/// Writes all of `contents` to a file, new or emptied. Throws RunError naming the file.
void write_file(const std::filesystem::path& path, std::string_view contents);

}  // namespace gridrun
