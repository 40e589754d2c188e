#include "data/idx_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

constexpr std::uint8_t unsigned_byte = 0x08;

/// Bytes of an element, 0 for an unknown type.
std::size_t element_size(std::uint8_t type) {
  constexpr std::size_t sizes[] = {1, 1, 0, 2, 4, 4, 8};  // of types 0x08 to 0x0e
  return type >= 0x08 && type <= 0x0e ? sizes[type - 0x08] : 0;
}

template <typename Element>
Element big_endian(const std::uint8_t* bytes) {
  std::uint8_t reversed[sizeof(Element)];
  std::reverse_copy(bytes, bytes + sizeof(Element), reversed);
  static_assert(std::endian::native == std::endian::little);
  Element element;
  std::memcpy(&element, reversed, sizeof element);
  return element;
}

}  // namespace

void IdxReader::fail(const std::string& what) const {
  throw RequestError(fmt::format("{}: {}", path_text(path()), what));
}

IdxReader::IdxReader(const std::filesystem::path& path, const Progress* progress)
    : file_(path, progress) {
  std::uint8_t start[4];
  if (file_.read(start, sizeof start) < sizeof start || start[0] != 0 || start[1] != 0)
    fail("not an IDX file: expected it to start with two zero bytes, a type and a rank");
  type_ = start[2];
  const std::size_t rank = start[3];
  if (rank == 0) fail("IDX rank 0, expected at least 1");
  std::vector<std::uint8_t> lengths(4 * rank);
  if (file_.read(lengths.data(), lengths.size()) < lengths.size())
    fail("cut short in the IDX header");
  element_size_ = element_size(type_);
  if (element_size_ == 0)
    fail(fmt::format("unknown IDX type 0x{:02x}, expected 0x08, 0x09 or 0x0b to 0x0e", type_));

  constexpr std::size_t most = std::size_t{1} << 40;
  for (std::size_t i = 0; i < rank; ++i) {
    shape_.push_back(big_endian<std::uint32_t>(&lengths[4 * i]));
    size_ *= shape_.back();
    if (size_ > most) fail("the IDX header claims more than 2^40 elements");
  }
  const auto most_bytes = file_.most_bytes();
  if (!most_bytes) return;  // a pipe
  if (!file_.is_gzip())
    check_length(*most_bytes);
  else if (*most_bytes < header_size() + size_ * element_size_)
    fail(
        fmt::format("cut short: the IDX header promises {} bytes of elements, more than the gzip "
                    "file can hold",
                    size_ * element_size_));
}

bool IdxReader::has_bytes() const { return type_ == unsigned_byte; }

/// `held` are the bytes of all of the file; of gzip or a pipe, one too many stands for any more.
void IdxReader::check_length(std::uint64_t held) const {
  const std::uint64_t promised = size_ * element_size_;
  held -= std::min<std::uint64_t>(held, header_size());
  if (held < promised)
    fail(fmt::format("cut short: the IDX header promises {} bytes of elements, the file holds {}",
                     promised, held));
  if (held > promised)
    fail(fmt::format(
        "bytes to spare: the IDX header promises {} bytes of elements, the file holds "
        "{}",
        promised, file_.is_gzip() || !file_.most_bytes() ? "more" : std::to_string(held)));
}

void IdxReader::read_bytes(std::uint8_t* file) {
  check_length(file_.read_rest(file, header_size(), header_size() + size_));
}

template <typename Element>
void IdxReader::read_as(double* values) {
  constexpr std::size_t part = 65536;  // elements
  std::vector<std::uint8_t> bytes(std::min(part, size_) * sizeof(Element));
  std::size_t held = header_size();  // bytes of the file
  for (std::size_t i = 0; i < size_;) {
    const std::size_t end = std::min(i + part, size_);
    const std::size_t wanted = (end - i) * sizeof(Element);
    const std::size_t got = file_.read(bytes.data(), wanted);
    held += got;
    if (got < wanted) check_length(held);
    for (const std::uint8_t* element = bytes.data(); i < end; ++i, element += sizeof(Element)) {
      values[i] = static_cast<double>(big_endian<Element>(element));
      if (!std::isfinite(values[i]))
        fail(fmt::format("element {} is {}, expected a finite number", i, values[i]));
    }
  }
  std::uint8_t more;
  check_length(held + file_.read(&more, 1));
}

void IdxReader::read_reals(double* values) {
  switch (type_) {
    case unsigned_byte:
      return read_as<std::uint8_t>(values);
    case 0x09:
      return read_as<std::int8_t>(values);
    case 0x0b:
      return read_as<std::int16_t>(values);
    case 0x0c:
      return read_as<std::int32_t>(values);
    case 0x0d:
      return read_as<float>(values);
    default:
      return read_as<double>(values);
  }
}

IdxArray read_idx(IdxReader&& file) {
  IdxArray array{file.shape(), {}};
  if (file.has_bytes()) {
    auto& bytes = array.values.emplace<0>(file.header_size() + file.size());
    file.read_bytes(bytes.data());
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(file.header_size()));
  } else {
    file.read_reals(array.values.emplace<1>(file.size()).data());
  }
  return array;
}

}  // namespace gridrun
