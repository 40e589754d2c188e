// NPZ files made for tests, as NumPy writes them.
#pragma once

#include <minizip/zip.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace gridrun {

/// An array in the .npy format, of version 1.
inline std::string npy_bytes(const std::string& type, const std::string& shape,
                             const std::string& elements, bool is_fortran = false) {
  const std::string dictionary = "{'descr': '" + type +
                                 "', 'fortran_order': " + (is_fortran ? "True" : "False") +
                                 ", 'shape': " + shape + ", }\n";
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(dictionary.size());
  bytes += '\0';
  return bytes + dictionary + elements;
}

/// The bytes of numbers as they lie in memory.
template <typename Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

struct NpzMember {
  std::string name;
  std::string bytes;
};

inline void write_npz(const std::filesystem::path& path, const std::vector<NpzMember>& members,
                      bool is_deflated = false) {
  zipFile zip = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  for (const auto& [name, bytes] : members) {
    zipOpenNewFileInZip64(zip, (name + ".npy").c_str(), nullptr, nullptr, 0, nullptr, 0, nullptr,
                          is_deflated ? Z_DEFLATED : 0, is_deflated ? 6 : 0, 0);
    zipWriteInFileInZip(zip, bytes.data(), static_cast<unsigned>(bytes.size()));
    zipCloseFileInZip(zip);
  }
  zipClose(zip, nullptr);
}

}  // namespace gridrun
