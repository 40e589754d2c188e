// IDX files, plain and gzip, and directories of them: arrays that hold the file's very bytes, or
// one clear error. The input's first byte says what the rest is.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "data/gzip.hpp"
#include "data/idx_file.hpp"
#include "data/load_dataset.hpp"
#include "fuzz.hpp"
#include "idx_bytes.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

std::string as_string(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

bool all_finite(const std::variant<std::vector<std::uint8_t>, std::vector<double>>& values) {
  const auto* reals = std::get_if<1>(&values);
  return !reals ||
         std::all_of(reals->begin(), reals->end(), [](double v) { return std::isfinite(v); });
}

template <typename Element, typename Word>
void append(std::string& bytes, double value) {
  const auto word = std::bit_cast<Word>(static_cast<Element>(value));
  for (int shift = 8 * sizeof(Word) - 8; shift >= 0; shift -= 8)
    bytes += static_cast<char>(word >> shift);
}

/// The IDX file of a type that holds an array.
std::string encoded(const IdxArray& array, std::uint8_t type) {
  std::string bytes = idx_header(type, array.shape);
  if (const auto* stored = std::get_if<0>(&array.values)) return bytes + as_string(*stored);
  for (const double value : std::get<1>(array.values)) {
    if (type == 0x09) append<std::int8_t, std::uint8_t>(bytes, value);
    if (type == 0x0b) append<std::int16_t, std::uint16_t>(bytes, value);
    if (type == 0x0c) append<std::int32_t, std::uint32_t>(bytes, value);
    if (type == 0x0d) append<float, std::uint32_t>(bytes, value);
    if (type == 0x0e) append<double, std::uint64_t>(bytes, value);
  }
  return bytes;
}

std::optional<IdxArray> read(MemoryFile& file, std::string_view contents) {
  file.write(contents);
  return accepted([&] { return read_idx(IdxReader(file.path())); });
}

/// A whole file, inflated, so many bytes at a time.
std::string inflated(const std::filesystem::path& path, std::size_t at_once) {
  InflatingReader file(path);
  std::string bytes;
  for (std::size_t got = at_once; got == at_once;) {
    std::vector<std::uint8_t> part(at_once);
    got = file.read(part.data(), at_once);
    bytes.append(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(got));
  }
  return bytes;
}

/// The same in one go, given its size; returns the size that was found.
std::size_t inflate_at_once(const std::filesystem::path& path, std::vector<std::uint8_t>& whole) {
  return InflatingReader(path).read_rest(whole.data(), 0, whole.size());
}

void check_idx(std::string_view contents) {
  static MemoryFile file;
  const auto array = read(file, contents);
  if (array) {
    require(all_finite(array->values), "values are finite");
    const std::string bytes = inflated(file.path(), 4096);
    require(encoded(*array, static_cast<std::uint8_t>(bytes[2])) == bytes,
            "an array holds what the file holds");
  }
  if (contents.starts_with("\x1f\x8b")) return;
  const auto inflated = read(file, gzip_bytes(std::string(contents)));
  require(inflated.has_value() == array.has_value(), "gzip changes nothing");
  require(!array || (inflated->shape == array->shape && inflated->values == array->values),
          "gzip changes no value");
}

/// Hostile gzip, and two members in one file; inflated bit by bit and in one go.
void check_gzip(std::size_t at_once, std::string_view contents) {
  static MemoryFile file;
  file.write(contents);
  const auto bytes = accepted([&] { return inflated(file.path(), at_once); });
  if (bytes) {
    require(bytes->size() <= InflatingReader(file.path()).most_bytes(), "no more than claimed");
    std::vector<std::uint8_t> whole(bytes->size());
    require(inflate_at_once(file.path(), whole) == whole.size() && as_string(whole) == *bytes,
            "what is inflated at once is the same");
    if (!bytes->empty()) {
      whole.pop_back();
      require(inflate_at_once(file.path(), whole) > whole.size(), "bytes to spare are seen");
    }
  } else {  // it may have as much in front of what is corrupt
    std::vector<std::uint8_t> whole(1000);
    const auto size = accepted([&] { return inflate_at_once(file.path(), whole); });
    require(!size || *size > whole.size(), "what is corrupt is refused at once as well");
  }

  const std::string whole(contents), first = whole.substr(0, whole.size() / 3);
  file.write(gzip_bytes(first) + gzip_bytes(whole.substr(first.size())));
  require(inflated(file.path(), at_once) == whole, "members follow one another");
}

/// A file from an input: bytes as they are, after their number in 16 bits; or else a whole IDX file
/// of few elements, which mutations keep whole.
std::string idx_file(Input& input) {
  const auto kind = input.word<std::uint8_t>();
  if (kind == 'r') return std::string(input.bytes(input.word<std::uint16_t>()));
  constexpr std::array<std::pair<std::uint8_t, std::size_t>, 6> types = {
      {{0x08, 1}, {0x09, 1}, {0x0b, 2}, {0x0c, 4}, {0x0d, 4}, {0x0e, 8}}};
  const auto [type, element_size] = types[kind % types.size()];
  std::vector<std::uint32_t> shape(1 + input.word<std::uint8_t>() % 3);
  std::size_t elements = 1;
  for (std::uint32_t& length : shape) {
    length = input.word<std::uint8_t>() % 5;
    elements *= length;
  }
  std::string body(input.bytes(elements * element_size));
  body.resize(elements * element_size);
  return idx_header(type, shape) + body;
}

/// A directory of IDX files that are in memory.
class IdxDirectory {
 public:
  explicit IdxDirectory(bool with_test) : files_(with_test ? 4 : 2) {
    constexpr const char* names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (std::size_t i = 0; i < files_.size(); ++i)
      std::filesystem::create_symlink(files_[i].path(), path() / names[i]);
  }

  /// Writes each file from the input.
  void write(Input& input) {
    for (MemoryFile& file : files_) file.write(idx_file(input));
  }
  const std::filesystem::path& path() const { return scratch_.path(); }

 private:
  std::vector<MemoryFile> files_;
  ScratchDirectory scratch_;
};

void check_directory(IdxDirectory& directory, Input& input) {
  directory.write(input);
  Sweep sweep;
  sweep.dataset.name = "idx";
  sweep.dataset.path = directory.path().string();
  const auto dataset = accepted([&] { return load_dataset(sweep); });
  if (!dataset) return;
  require(dataset->samples > 0 && dataset->inputs > 0, "there are samples");
  require(dataset->train_samples <= dataset->samples, "the train split is a part");
  require(dataset->labels.size() == dataset->samples, "a label a sample");
  const std::size_t values =
      std::visit([](const auto& stored) { return stored.size(); }, dataset->values);
  require(values == dataset->samples * dataset->inputs, "as many inputs in every sample");
  require(all_finite(dataset->values), "values are finite");
  const auto largest = *std::max_element(dataset->labels.begin(), dataset->labels.end());
  require(largest <= 65535 && dataset->classes == largest + 1, "labels are class numbers");
}

}  // namespace
}  // namespace gridrun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  static IdxDirectory train_only(false), both_splits(true);
  Input input(data, size);
  switch (input.word<std::uint8_t>()) {
    case 'i':
      check_idx(input.rest());
      break;
    case 'g':
      check_gzip(1 + input.word<std::uint8_t>(), input.rest());
      break;
    case 'd':
      check_directory(train_only, input);
      break;
    case 'D':
      check_directory(both_splits, input);
      break;
    default:
      return -1;  // of no use in the corpus
  }
  return 0;
}
