#include "gzip.hpp"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "gridrun/error.hpp"
#include "stop_on_signal.hpp"

namespace gridrun {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw RequestError(fmt::format("{}: {}", path.string(), what));
}

bool is_gzip(const std::vector<std::uint8_t>& bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/// The length that a gzip file's last four bytes claim for its (last) member.
std::size_t claimed_size(const std::vector<std::uint8_t>& gzip) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i)
    size |= static_cast<std::size_t>(gzip[gzip.size() - 4 + i]) << (8 * i);
  return size;
}

/// Inflates all members of a gzip file, one behind the other.
std::vector<std::uint8_t> inflate(const std::vector<std::uint8_t>& gzip,
                                  const std::filesystem::path& path) {
  constexpr std::size_t smallest_gzip = 18;    // header and trailer
  constexpr std::size_t largest_ratio = 1032;  // of deflate
  if (gzip.size() < smallest_gzip) fail(path, "cut short: a gzip file has at least 18 bytes");

  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!inflater) throw std::bad_alloc();
  const std::size_t most = gzip.size() * largest_ratio;
  std::vector<std::uint8_t> bytes(std::min(claimed_size(gzip), most));
  std::size_t read = 0, made = 0;
  while (read < gzip.size()) {
    std::size_t member_read = 0, member_made = 0;
    const auto result = libdeflate_gzip_decompress_ex(
        inflater.get(), gzip.data() + read, gzip.size() - read, bytes.data() + made,
        bytes.size() - made, &member_read, &member_made);
    if (result == LIBDEFLATE_SUCCESS) {
      read += member_read;
      made += member_made;
    } else if (result == LIBDEFLATE_INSUFFICIENT_SPACE && bytes.size() < most) {
      bytes.resize(std::min(most, 2 * bytes.size() + 4096));
    } else {
      fail(path, "corrupt gzip: cut short, or its data or their checksum are wrong");
    }
  }
  bytes.resize(made);
  return bytes;
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  throw_if_interrupted();  // a pipe is waited for
  if (!file) fail(path, fmt::format("cannot open: {}", std::strerror(errno)));
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path, unknown);
  std::vector<std::uint8_t> bytes(unknown ? 0 : size);
  std::size_t length = 0;
  for (std::size_t got = 1; got > 0 && length < bytes.size(); length += got) {
    constexpr std::size_t block = std::size_t{1} << 22;
    throw_if_interrupted();
    got = std::fread(&bytes[length], 1, std::min(block, bytes.size() - length), file.get());
  }
  for (std::uint8_t more[4096]; length == bytes.size();) {  // it may be a pipe, or have grown
    throw_if_interrupted();
    const std::size_t got = std::fread(more, 1, sizeof more, file.get());
    if (got == 0) break;
    bytes.insert(bytes.end(), more, more + got);
    length += got;
  }
  throw_if_interrupted();
  if (std::ferror(file.get())) fail(path, fmt::format("cannot read: {}", std::strerror(errno)));
  bytes.resize(length);
  return bytes;
}

std::vector<std::uint8_t> read_file_inflated(const std::filesystem::path& path) {
  std::vector<std::uint8_t> bytes = read_file(path);
  return is_gzip(bytes) ? inflate(bytes, path) : bytes;
}

}  // namespace gridrun
