// What the fuzz targets share. An input that breaks a promise ends the program, and libFuzzer keeps
// it.
#pragma once

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gridrun/error.hpp"

namespace gridrun {

/// Ends the program unless `holds`; `promise` says what was to hold.
inline void require(bool holds, std::string_view promise) {
  if (holds) return;
  fmt::print(stderr, "BROKEN PROMISE: {}\n", promise);
  std::abort();
}

/// Requires what every error promises: one line for people, however hostile the request was.
inline void check_message(std::string_view message) {
  constexpr std::size_t longest = 1000;  // bytes: a path, a key and a value, each cut at about 80
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  require(!message.empty(), "an error says something");
  for (const char c : message)
    require(!is_control(c), "an error is one line without control characters");
  require(message.size() <= longest, "an error is of bounded length");
}

/// What `work` returns, or nothing when it refuses as it should. Any other exception ends the
/// program.
template <typename Work>
auto accepted(Work&& work) -> std::optional<decltype(work())> {
  try {
    return work();
  } catch (const RequestError& error) {
    check_message(error.what());
  } catch (const RunError& error) {
    check_message(error.what());
  }
  return std::nullopt;
}

/// Reads a target's input from its front; what is past its end is zero.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }

  /// An unsigned integer, little-endian.
  template <typename Word>
  Word word() {
    Word word = 0;
    for (std::size_t i = 0; i < sizeof(Word) && !rest_.empty(); ++i, rest_.remove_prefix(1))
      word = static_cast<Word>(word | Word{static_cast<unsigned char>(rest_.front())} << (8 * i));
    return word;
  }

  /// An integer in least ... most, of 16 bits of the input.
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + word<std::uint16_t>() % (most - least + 1);
  }

  /// So many bytes, or as many as there are.
  std::string_view bytes(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest() { return bytes(rest_.size()); }

 private:
  std::string_view rest_;
};

/// A file that is only in memory, for what reads files by their paths.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "there are files in memory");
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

  /// Replaces its contents.
  void write(std::string_view contents) {
    const bool written =
        ::ftruncate(descriptor_, 0) == 0 &&
        ::pwrite(descriptor_, contents.data(), contents.size(), 0) == std::ssize(contents);
    require(written, "a file in memory takes what is written");
  }

 private:
  int descriptor_;
};

}  // namespace gridrun
