// NumPy's .npz: a zip archive of .npy arrays. Source: numpy.lib.format, version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace gridrun {

/// An archive under construction. Throws RunError naming the file when it cannot be written.
class NpzFile {
 public:
  explicit NpzFile(std::filesystem::path path);
  ~NpzFile();
  NpzFile(const NpzFile&) = delete;
  NpzFile& operator=(const NpzFile&) = delete;

  /// Adds an array of `shape`, last dimension fastest.
  void add(const std::string& name, const std::vector<std::size_t>& shape,
           const std::vector<double>& values);
  void add(const std::string& name, const std::vector<std::int64_t>& values);
  void add(const std::string& name, const std::vector<std::string>& texts);
  /// The same of values that lie in several places, one after the other.
  void add_parts(const std::string& name, const std::vector<std::size_t>& shape,
                 const std::vector<std::span<const std::int64_t>>& parts);

  /// Writes the archive's directory; nothing can be added after.
  void close();

 private:
  void add_bytes(const std::string& name, const std::string& type,
                 const std::vector<std::size_t>& shape,
                 const std::vector<std::span<const std::byte>>& parts);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  void* zip_;
};

}  // namespace gridrun
