// Files from front to back, inflated where they are gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "gridrun/progress.hpp"

namespace gridrun {

/// A file's bytes from front to back, inflated where the file starts as gzip does (whatever its
/// name), less the zeros that may pad such a file. All members throw RequestError naming the file
/// when it cannot be read, is cut short or corrupt, and Interrupted when `progress` was stopped.
class InflatingReader {
 public:
  /// `progress` may be null.
  explicit InflatingReader(const std::filesystem::path& path, const Progress* progress = nullptr);
  ~InflatingReader();
  InflatingReader(InflatingReader&&) noexcept;

  const std::filesystem::path& path() const;
  bool is_gzip() const;

  /// Bytes that all of the file can inflate to at most: of a plain file, just those that it has.
  /// Nothing for a pipe.
  std::optional<std::uint64_t> most_bytes() const;

  /// Which part of the file, as it is, was inflated so far, above 0 and up to 1. Nothing for a
  /// pipe.
  std::optional<double> part_read() const;

  /// Reads the next bytes: `count`, or fewer where the file ends.
  std::size_t read(std::uint8_t* to, std::size_t count);

  /// Bytes of memory that read_rest() takes, beside where it reads to.
  std::uint64_t bytes_to_read_rest(std::size_t size) const;

  /// Reads the rest of a file that has `size` bytes, `done` of which were read already and stand
  /// at the front of `whole`. Faster than read(). Returns how many bytes the file has; size + 1
  /// means more than `size`.
  std::size_t read_rest(std::uint8_t* whole, std::size_t done, std::size_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gridrun
