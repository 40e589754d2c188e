#include "results/npz_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <minizip/zip.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gridrun/error.hpp"

namespace gridrun {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written as they lie");

/// The .npy header: magic, version, length, and a Python dictionary padded to 64 bytes.
std::string npy_header(const std::string& type, const std::vector<std::size_t>& shape) {
  constexpr std::size_t preamble = 10;
  std::string dictionary = fmt::format(
      "{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", type, fmt::join(shape, ", "));
  dictionary.append(63 - (preamble + dictionary.size()) % 64, ' ').push_back('\n');
  std::string header("\x93NUMPY\x01\x00", 8);
  header.push_back(static_cast<char>(dictionary.size() & 0xff));
  header.push_back(static_cast<char>(dictionary.size() >> 8));
  return header + dictionary;
}

}  // namespace

NpzFile::NpzFile(std::filesystem::path path) : path_(std::move(path)) {
  errno = 0;
  zip_ = zipOpen64(path_.c_str(), APPEND_STATUS_CREATE);
  if (!zip_) fail();
}

NpzFile::~NpzFile() {
  if (zip_) zipClose(zip_, nullptr);
}

void NpzFile::fail() const {
  throw RunError(fmt::format("{}: cannot write: {}", path_.string(),
                             errno ? std::strerror(errno) : "not a valid zip archive"));
}

void NpzFile::add_bytes(const std::string& name, const std::string& type,
                        const std::vector<std::size_t>& shape,
                        const std::vector<std::span<const std::byte>>& parts) {
  constexpr int stored = 0, no_level = 0;
  zip_fileinfo undated{};  // the same arrays give the same bytes
  undated.tmz_date.tm_mday = 1;
  undated.tmz_date.tm_year = 1980;
  const std::string header = npy_header(type, shape);
  std::size_t size = header.size();
  for (const auto& part : parts) size += part.size();
  const bool large = size >= 0xffff0000U;  // needs zip64
  errno = 0;
  if (zipOpenNewFileInZip64(zip_, (name + ".npy").c_str(), &undated, nullptr, 0, nullptr, 0,
                            nullptr, stored, no_level, large) != ZIP_OK)
    fail();
  const auto write = [&](std::span<const std::byte> bytes) {
    constexpr std::size_t most = std::size_t{1} << 30;
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), most));
      if (zipWriteInFileInZip(zip_, piece.data(), static_cast<unsigned>(piece.size())) != ZIP_OK)
        fail();
      bytes = bytes.subspan(piece.size());
    }
  };
  write(std::as_bytes(std::span(header)));
  for (const auto& part : parts) write(part);
  if (zipCloseFileInZip(zip_) != ZIP_OK) fail();
}

void NpzFile::add(const std::string& name, const std::vector<std::size_t>& shape,
                  const std::vector<double>& values) {
  add_bytes(name, "<f8", shape, {std::as_bytes(std::span(values))});
}

void NpzFile::add(const std::string& name, const std::vector<std::int64_t>& values) {
  add_parts(name, {values.size()}, {values});
}

void NpzFile::add(const std::string& name, const std::vector<std::string>& texts) {
  // Texts of ASCII, as UTF-32 of one length.
  std::size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  std::vector<std::uint32_t> characters(longest * texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    std::copy(texts[i].begin(), texts[i].end(),
              characters.begin() + static_cast<std::ptrdiff_t>(i * longest));
  add_bytes(name, fmt::format("<U{}", longest), {texts.size()},
            {std::as_bytes(std::span(characters))});
}

void NpzFile::add_parts(const std::string& name, const std::vector<std::size_t>& shape,
                        const std::vector<std::span<const std::int64_t>>& parts) {
  std::vector<std::span<const std::byte>> bytes;
  bytes.reserve(parts.size());
  for (const auto& part : parts) bytes.push_back(std::as_bytes(part));
  add_bytes(name, "<i8", shape, bytes);
}

void NpzFile::close() {
  errno = 0;
  if (zipClose(std::exchange(zip_, nullptr), nullptr) != ZIP_OK) fail();
}

}  // namespace gridrun
