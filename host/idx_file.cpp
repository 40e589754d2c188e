#include "idx_file.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "gridrun/error.hpp"
#include "gzip.hpp"

namespace gridrun {
namespace {

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw RequestError(fmt::format("{}: {}", path.string(), what));
}

template <typename Word>
Word big_endian(const std::uint8_t* bytes) {
  Word word = 0;
  for (std::size_t i = 0; i < sizeof(Word); ++i) word = static_cast<Word>(word << 8 | bytes[i]);
  return word;
}

/// Elements of a type other than bytes, as reals; Word is the unsigned type of the same size.
template <typename Element, typename Word>
std::vector<double> reals(const Bytes& file, std::size_t begin, const std::filesystem::path& path) {
  std::vector<double> values((file.size() - begin) / sizeof(Element));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto word = big_endian<Word>(&file[begin + i * sizeof(Element)]);
    values[i] = static_cast<double>(std::bit_cast<Element>(word));
    if (!std::isfinite(values[i]))
      fail(path, fmt::format("element {} is {}, expected a finite number", i, values[i]));
  }
  return values;
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& path) {
  Bytes file = read_file_inflated(path);
  if (file.size() < 4 || file[0] != 0 || file[1] != 0)
    fail(path, "not an IDX file: expected it to start with two zero bytes, a type and a rank");
  const std::uint8_t type = file[2], rank = file[3];
  const std::size_t begin = 4 + std::size_t{4} * rank;
  if (rank == 0) fail(path, "IDX rank 0, expected at least 1");
  if (file.size() < begin) fail(path, "cut short in the IDX header");

  std::size_t element_size;
  switch (type) {
    case 0x08:
    case 0x09:
      element_size = 1;
      break;
    case 0x0b:
      element_size = 2;
      break;
    case 0x0c:
    case 0x0d:
      element_size = 4;
      break;
    case 0x0e:
      element_size = 8;
      break;
    default:
      fail(path,
           fmt::format("unknown IDX type 0x{:02x}, expected 0x08, 0x09 or 0x0b to 0x0e", type));
  }

  IdxArray array;
  std::size_t elements = 1;
  constexpr std::size_t most = std::size_t{1} << 40;
  for (std::size_t i = 0; i < rank; ++i) {
    array.shape.push_back(big_endian<std::uint32_t>(&file[4 + 4 * i]));
    elements *= array.shape.back();
    if (elements > most) fail(path, "the IDX header claims more than 2^40 elements");
  }
  const std::size_t held = file.size() - begin;
  if (held != elements * element_size)
    fail(path, fmt::format("{}: the IDX header promises {} bytes of elements, the file holds {}",
                           held < elements * element_size ? "cut short" : "bytes to spare",
                           elements * element_size, held));

  switch (type) {
    case 0x08:
      file.erase(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(begin));
      array.values = std::move(file);
      break;
    case 0x09:
      array.values = reals<std::int8_t, std::uint8_t>(file, begin, path);
      break;
    case 0x0b:
      array.values = reals<std::int16_t, std::uint16_t>(file, begin, path);
      break;
    case 0x0c:
      array.values = reals<std::int32_t, std::uint32_t>(file, begin, path);
      break;
    case 0x0d:
      array.values = reals<float, std::uint32_t>(file, begin, path);
      break;
    case 0x0e:
      array.values = reals<double, std::uint64_t>(file, begin, path);
      break;
  }
  return array;
}

}  // namespace gridrun
