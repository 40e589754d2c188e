#include "data/npz_reader.hpp"

#include <fmt/format.h>
#include <minizip/unzip.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/input_file.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view ending = ".npy";

/// What follows a key of the dictionary, without blanks before it.
std::string_view value_of(std::string_view dictionary, const std::string& key) {
  const auto found = dictionary.find("'" + key + "'");
  if (found == std::string_view::npos) return {};
  dictionary.remove_prefix(found + key.size() + 2);
  const auto begin = dictionary.find_first_not_of(" :");
  return begin == std::string_view::npos ? std::string_view() : dictionary.substr(begin);
}

/// "(3, 4)", "(3,)", "()".
std::optional<std::vector<std::size_t>> shape_of(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  text.remove_prefix(1);
  std::vector<std::size_t> shape;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,L"), text.size()));
    if (text.starts_with(')')) return shape;
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc()) return std::nullopt;
    shape.push_back(length);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

/// "<f8" sets kind, item_size and is_big_endian. False: it is no such type.
bool read_type(std::string_view text, NpyHeader& header) {
  if (text.size() < 4 || text[0] != '\'') return false;
  const char order = text[1];
  header.kind = text[2];
  header.is_big_endian = order == '>';
  const auto [end, error] =
      std::from_chars(text.data() + 3, text.data() + text.size(), header.item_size);
  if (error != std::errc() || end == text.data() + text.size() || *end != '\'') return false;
  const std::size_t size = header.item_size;
  constexpr std::size_t most_text = 1024;  // bytes
  switch (header.kind) {
    case 'b':
      return size == 1;
    case 'i':
    case 'u':
      return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
      return size == 4 || size == 8;
    case 'S':
      return size > 0 && size <= most_text;
    case 'U':
      header.item_size *= sizeof(char32_t);
      return size > 0 && header.item_size <= most_text;
    default:
      return false;
  }
}

template <typename Element>
Element element_at(const std::uint8_t* bytes, bool is_big_endian) {
  std::uint8_t little[sizeof(Element)];
  if (is_big_endian)
    std::reverse_copy(bytes, bytes + sizeof(Element), little);
  else
    std::copy_n(bytes, sizeof(Element), little);
  Element element;
  std::memcpy(&element, little, sizeof element);
  return element;
}

/// False: it is no character.
bool append_utf8(std::string& text, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto add_rest = [&](int count) {
    while (count-- > 0) add(0x80 | ((point >> (6 * count)) & 0x3f));
  };
  if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6);
    add_rest(1);
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12);
    add_rest(2);
  } else {
    add(0xf0 | point >> 18);
    add_rest(3);
  }
  return true;
}

}  // namespace

NpzReader::NpzReader(const std::filesystem::path& path, const Progress* progress)
    : path_(path), progress_(progress) {
  const InputFile file(path, progress);  // it tells why a file cannot be read
  if (!file.size())
    throw RequestError(
        fmt::format("{}: not a regular file, expected an NPZ file", path_text(path)));
  zip_ = unzOpen64(path.c_str());
  if (!zip_)
    throw RequestError(fmt::format("{}: not a zip archive, expected an NPZ file", path_text(path)));
}

NpzReader::~NpzReader() {
  if (is_open_) unzCloseCurrentFile(zip_);
  unzClose(zip_);
}

void NpzReader::fail(const std::string& what) const {
  throw RequestError(fmt::format("{}: {}: {}", path_text(path_), escaped(array_), what));
}

std::vector<std::string> NpzReader::arrays() const {
  std::vector<std::string> names;
  for (int found = unzGoToFirstFile(zip_); found == UNZ_OK; found = unzGoToNextFile(zip_)) {
    char name[256];
    if (unzGetCurrentFileInfo64(zip_, nullptr, name, sizeof name - 1, nullptr, 0, nullptr, 0) !=
        UNZ_OK)
      break;
    name[sizeof name - 1] = '\0';
    const std::string_view text = name;
    if (text.ends_with(ending)) names.emplace_back(text.substr(0, text.size() - ending.size()));
  }
  return names;
}

const NpyHeader& NpzReader::open(const std::string& array) {
  if (is_open_) unzCloseCurrentFile(zip_);
  is_open_ = false;
  array_ = array;
  constexpr int case_matters = 1;
  if (unzLocateFile(zip_, (array + std::string(ending)).c_str(), case_matters) != UNZ_OK)
    fail("no such array");
  unz_file_info64 info;
  if (unzGetCurrentFileInfo64(zip_, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK ||
      unzOpenCurrentFile(zip_) != UNZ_OK)
    fail("corrupt, or neither stored nor deflated");
  is_open_ = true;
  header_ = {};
  read_header();
  const std::uint64_t promised = header_.size * header_.item_size;
  const std::uint64_t held = info.uncompressed_size - static_cast<std::uint64_t>(unztell64(zip_));
  if (held != promised)
    fail(fmt::format("{}: its header promises {} bytes of elements, it holds {}",
                     held < promised ? "cut short" : "bytes to spare", promised, held));
  return header_;
}

void NpzReader::read_header() {
  constexpr std::size_t start_bytes = 8;
  constexpr std::string_view magic = "\x93NUMPY";
  std::uint8_t start[start_bytes + 4] = {};
  if (read(start, start_bytes) < start_bytes ||
      std::string_view(reinterpret_cast<char*>(start), magic.size()) != magic)
    fail("not an array in the .npy format");
  const std::size_t length_bytes = start[magic.size()] == 1 ? 2 : 4;
  if (read(start + start_bytes, length_bytes) < length_bytes) fail("cut short in its header");
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | start[start_bytes + i];
  constexpr std::size_t longest = std::size_t{1} << 16;
  if (length > longest) fail("a header of more than 64 KiB");
  std::vector<std::uint8_t> bytes(length);
  if (read(bytes.data(), length) < length) fail("cut short in its header");

  const std::string_view dictionary(reinterpret_cast<char*>(bytes.data()), length);
  const std::string_view type = value_of(dictionary, "descr");
  if (!read_type(type, header_))
    fail(
        fmt::format("elements of the type {}, expected whole numbers, reals of 32 or 64 bits, or "
                    "texts",
                    excerpt(type.substr(0, type.find_first_of(",}")))));
  const std::string_view order = value_of(dictionary, "fortran_order");
  const auto shape = shape_of(value_of(dictionary, "shape"));
  if (!shape || !(order.starts_with("True") || order.starts_with("False")))
    fail("a header without fortran_order and shape");
  header_.is_fortran = order.starts_with("True");
  header_.shape = *shape;
  constexpr std::size_t most = std::size_t{1} << 40;
  for (const std::size_t one : header_.shape) {
    if (one != 0 && header_.size > most / one) fail("its header claims more than 2^40 elements");
    header_.size *= one;
  }
}

std::size_t NpzReader::read(std::uint8_t* to, std::size_t count) {
  constexpr std::size_t most = std::size_t{1} << 20;  // at once
  std::size_t done = 0;
  while (done < count) {
    if (progress_) progress_->throw_if_stopped();
    const int got =
        unzReadCurrentFile(zip_, to + done, static_cast<unsigned>(std::min(most, count - done)));
    if (got < 0) fail("corrupt");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

/// Calls take(place in C order, bytes of the element) for each.
template <typename Take>
void NpzReader::read_elements(const Take& take) {
  constexpr std::size_t part = 65536;  // elements
  const std::size_t size = header_.size, item = header_.item_size;
  const auto& shape = header_.shape;
  std::vector<std::size_t> strides(shape.size(), 1), at(shape.size());
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  std::vector<std::uint8_t> bytes(std::min(part, size) * item);
  std::size_t place = 0;
  for (std::size_t first = 0; first < size; first += part) {
    const std::size_t count = std::min(part, size - first);
    if (read(bytes.data(), count * item) < count * item) fail("cut short");
    for (std::size_t i = 0; i < count; ++i) {
      take(place, &bytes[i * item]);
      if (!header_.is_fortran) {
        ++place;
        continue;
      }
      for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        place += strides[axis];
        if (++at[axis] < shape[axis]) break;
        place -= strides[axis] * shape[axis];
        at[axis] = 0;
      }
    }
  }
  is_open_ = false;
  if (unzCloseCurrentFile(zip_) != UNZ_OK) fail("corrupt: its checksum is wrong");
}

void NpzReader::read_bytes(std::uint8_t* to) {
  read_elements([&](std::size_t place, const std::uint8_t* element) { to[place] = *element; });
}

template <typename Element>
void NpzReader::read_as(double* to) {
  read_elements([&](std::size_t place, const std::uint8_t* element) {
    to[place] = static_cast<double>(element_at<Element>(element, header_.is_big_endian));
    if (!std::isfinite(to[place]))
      fail(fmt::format("element {} is {}, expected a finite number", place, to[place]));
  });
}

void NpzReader::read_reals(double* to) {
  const bool is_signed = header_.kind == 'i';
  if (header_.kind == 'f') return header_.item_size == 4 ? read_as<float>(to) : read_as<double>(to);
  switch (header_.item_size) {
    case 1:
      return is_signed ? read_as<std::int8_t>(to) : read_as<std::uint8_t>(to);
    case 2:
      return is_signed ? read_as<std::int16_t>(to) : read_as<std::uint16_t>(to);
    case 4:
      return is_signed ? read_as<std::int32_t>(to) : read_as<std::uint32_t>(to);
    default:
      return is_signed ? read_as<std::int64_t>(to) : read_as<std::uint64_t>(to);
  }
}

void NpzReader::read_texts(const std::function<void(const std::string&)>& take) {
  read_elements([&](std::size_t place, const std::uint8_t* element) {
    std::string text;
    if (header_.kind == 'S') {
      text.assign(reinterpret_cast<const char*>(element), header_.item_size);
    } else {
      for (std::size_t i = 0; i < header_.item_size; i += sizeof(char32_t))
        if (!append_utf8(text, element_at<std::uint32_t>(element + i, header_.is_big_endian)))
          fail(fmt::format("element {} is no text", place));
    }
    text.erase(text.find_last_not_of('\0') + 1);
    take(text);
  });
}

}  // namespace gridrun
