// IDX files made for tests.
#pragma once

#include <libdeflate.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gridrun {

inline std::string idx_header(std::uint8_t type, const std::vector<std::uint32_t>& shape) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(shape.size())};
  for (const std::uint32_t length : shape)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
  return bytes;
}

/// An IDX file of unsigned bytes.
inline std::string idx_bytes(const std::vector<std::uint32_t>& shape,
                             const std::vector<std::uint8_t>& values) {
  return idx_header(0x08, shape) + std::string(values.begin(), values.end());
}

inline std::string gzip_bytes(const std::string& bytes) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string compressed(libdeflate_gzip_compress_bound(compressor, bytes.size()), '\0');
  compressed.resize(libdeflate_gzip_compress(compressor, bytes.data(), bytes.size(),
                                             compressed.data(), compressed.size()));
  libdeflate_free_compressor(compressor);
  return compressed;
}

}  // namespace gridrun
