// IDX files: the arrays in which MNIST is distributed. Source: Yann LeCun's description,
// a magic number 0, 0, type, rank, then each dimension as a big-endian 32-bit integer, then the
// elements, big-endian, last dimension fastest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

#include "data/gzip.hpp"

namespace gridrun {

/// An IDX file, plain or gzip, whose header was read. Throws RequestError naming the file when it
/// cannot be read, is cut short, has bytes to spare, an unknown type, or reals that are not finite;
/// where its length gives that away, before anything is read.
class IdxReader {
 public:
  /// Reads the header. `progress` may be null; once it is stopped, all members throw Interrupted.
  explicit IdxReader(const std::filesystem::path& path, const Progress* progress = nullptr);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::vector<std::uint32_t>& shape() const { return shape_; }
  std::size_t size() const { return size_; }  // elements
  bool has_bytes() const;                     // whether the elements are unsigned bytes

  /// Bytes of the header.
  std::size_t header_size() const { return 4 + 4 * shape_.size(); }

  /// Bytes of memory that read_bytes() takes, beside where it reads to.
  std::uint64_t bytes_to_read() const { return file_.bytes_to_read_rest(header_size() + size_); }

  /// Reads unsigned bytes to `file` + header_size(): what is before them may be overwritten with
  /// the header. To be called once, as the next one.
  void read_bytes(std::uint8_t* file);

  /// Reads elements of any type to `values`.
  void read_reals(double* values);

 private:
  template <typename Element>
  void read_as(double* values);
  [[noreturn]] void fail(const std::string& what) const;
  void check_length(std::uint64_t held) const;

  InflatingReader file_;
  std::uint8_t type_ = 0;
  std::size_t element_size_ = 0;  // bytes
  std::vector<std::uint32_t> shape_;
  std::size_t size_ = 1;
};

struct IdxArray {
  std::vector<std::uint32_t> shape;
  std::variant<std::vector<std::uint8_t>, std::vector<double>> values;  // bytes as bytes

  std::size_t size() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
};

/// All of an IDX file.
IdxArray read_idx(IdxReader&& file);

}  // namespace gridrun
