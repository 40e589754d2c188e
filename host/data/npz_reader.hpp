// NPZ files: NumPy's arrays in a zip archive. Source: NumPy's numpy.lib.format, the .npy format: a
// magic text, a version, the length of a Python dictionary and this, and the elements.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "gridrun/progress.hpp"

namespace gridrun {

/// What the header of an array says.
struct NpyHeader {
  char kind = 0;              // of its elements: b, i, u, f, or of text U, S
  std::size_t item_size = 0;  // bytes of one
  bool is_big_endian = false;
  bool is_fortran = false;  // the first dimension is the fastest, not the last
  std::vector<std::size_t> shape;
  std::size_t size = 1;  // elements

  bool has_bytes() const { return item_size == 1 && (kind == 'u' || kind == 'b'); }
  bool has_text() const { return kind == 'U' || kind == 'S'; }
};

/// An archive whose arrays are read one after the other, stored or deflated. All members throw
/// RequestError naming file and array when the file cannot be read, is corrupt or cut short, or an
/// array has elements other than whole numbers, reals of 32 or 64 bits, truth values, or texts; and
/// Interrupted when `progress` was stopped.
class NpzReader {
 public:
  /// `progress` may be null.
  explicit NpzReader(const std::filesystem::path& path, const Progress* progress = nullptr);
  ~NpzReader();
  NpzReader(const NpzReader&) = delete;
  NpzReader& operator=(const NpzReader&) = delete;

  /// The names of the arrays.
  std::vector<std::string> arrays() const;

  /// Opens an array that there is, to be read next.
  const NpyHeader& open(const std::string& array);

  // All elements of the open array in C order, the last dimension fastest. It is closed by that.
  void read_bytes(std::uint8_t* to);  // where it has_bytes()
  void read_reals(double* to);        // where they are no text; each is finite
  void read_texts(const std::function<void(const std::string&)>& take);  // in rank 1

  /// Throws RequestError for the open array.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  void read_header();
  std::size_t read(std::uint8_t* to, std::size_t count);
  template <typename Take>
  void read_elements(const Take& take);
  template <typename Element>
  void read_as(double* to);

  const std::filesystem::path path_;
  const Progress* const progress_;
  void* zip_ = nullptr;  // minizip's unzFile
  bool is_open_ = false;
  std::string array_;
  NpyHeader header_;
};

}  // namespace gridrun
