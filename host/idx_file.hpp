// IDX files: the arrays in which MNIST is distributed. Source: Yann LeCun's description,
// a magic number 0, 0, type, rank, then each dimension as a big-endian 32-bit integer, then the
// elements, big-endian, last dimension fastest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

namespace gridrun {

struct IdxArray {
  std::vector<std::uint32_t> shape;
  std::variant<std::vector<std::uint8_t>, std::vector<double>> values;  // bytes as bytes

  std::size_t size() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
};

/// Reads an IDX file, plain or gzip. Throws RequestError naming the file when it cannot be read,
/// is cut short, has bytes to spare, an unknown type, or reals that are not finite.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace gridrun
