#include "data/gzip.hpp"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "base/input_file.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw RequestError(fmt::format("{}: {}", path_text(path), what));
}

[[noreturn]] void fail_corrupt(const std::filesystem::path& path) {
  fail(path, "corrupt gzip: cut short, or its data or their checksum are wrong");
}

}  // namespace

/// Plain files pass through `input` too, as far as it was filled to see how they start.
struct InflatingReader::State {
  static constexpr std::size_t input_bytes = 65536;

  State(const std::filesystem::path& path, const Progress* progress)
      : file(path, progress), input(input_bytes) {
    fill();
    is_gzip = stream.avail_in >= 2 && input[0] == 0x1f && input[1] == 0x8b;
    constexpr int gzip_window = 16 + MAX_WBITS;  // with gzip's header and trailer, both checked
    if (is_gzip && ::inflateInit2(&stream, gzip_window) != Z_OK) throw std::bad_alloc();
  }
  ~State() {
    if (is_gzip) ::inflateEnd(&stream);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Reads the next input once all before is taken.
  void fill() {
    stream.next_in = input.data();
    stream.avail_in = static_cast<uInt>(file.read(input.data(), input.size()));
  }

  std::size_t read_plain(std::uint8_t* to, std::size_t count) {
    const std::size_t held = std::min<std::size_t>(stream.avail_in, count);
    std::copy_n(stream.next_in, held, to);
    stream.next_in += held;
    stream.avail_in -= static_cast<uInt>(held);
    return held + file.read(to + held, count - held);
  }

  /// Takes the zeros behind the last member, which gzip(1) passes over as well: they pad the file.
  void take_padding() {
    const bool is_padded = stream.avail_in != 0 && *stream.next_in == 0;
    while (stream.avail_in != 0 && *stream.next_in == 0) {
      ++stream.next_in;
      if (--stream.avail_in == 0) fill();
    }
    if (is_padded && stream.avail_in != 0) fail_corrupt(file.path());
  }

  std::size_t inflate(std::uint8_t* to, std::size_t count) {
    constexpr std::size_t most_at_once = std::size_t{1} << 24;
    std::size_t done = 0;
    while (done < count) {
      if (stream.avail_in == 0) fill();
      if (!inside_member) take_padding();
      if (stream.avail_in == 0 && !inside_member) break;
      const std::size_t room = std::min(count - done, most_at_once);
      stream.next_out = to + done;
      stream.avail_out = static_cast<uInt>(room);
      inside_member = true;
      const int result = ::inflate(&stream, Z_NO_FLUSH);  // Z_BUF_ERROR: there is no more input
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK && result != Z_STREAM_END) fail_corrupt(file.path());
      done += room - stream.avail_out;
      if (result == Z_STREAM_END) {  // another member may follow
        inside_member = false;
        ::inflateReset(&stream);
      }
    }
    return done;
  }

  /// The file as it is, of which no more was read than the input holds.
  std::vector<std::uint8_t> whole_input() {
    std::vector<std::uint8_t> bytes;
    const std::size_t expected = static_cast<std::size_t>(file.size().value_or(0)) + 1;
    bytes.reserve(std::max(expected, input.size()));
    advise_huge_pages(bytes.data(), bytes.capacity());
    bytes.assign(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(file.done()));
    for (bool more = true; more;) {
      const std::size_t begin = bytes.size();
      bytes.resize(std::max(expected, 2 * begin));
      const std::size_t end = begin + file.read(bytes.data() + begin, bytes.size() - begin);
      more = end == bytes.size();
      bytes.resize(end);
    }
    return bytes;
  }

  /// Inflates the file anew and at once, to `size` bytes or fewer; size + 1 means more.
  std::size_t inflate_whole(std::uint8_t* to, std::size_t size) {
    const std::vector<std::uint8_t> gzip = whole_input();
    const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
        inflater(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    if (!inflater) throw std::bad_alloc();
    const auto is_set = [](std::uint8_t byte) { return byte != 0; };
    std::size_t read = 0, made = 0;
    while (std::any_of(gzip.data() + read, gzip.data() + gzip.size(), is_set)) {  // no padding
      file.check_stopped();
      std::size_t member_read = 0, member_made = 0;
      const auto result =
          libdeflate_gzip_decompress_ex(inflater.get(), gzip.data() + read, gzip.size() - read,
                                        to + made, size - made, &member_read, &member_made);
      if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return size + 1;
      if (result != LIBDEFLATE_SUCCESS) fail_corrupt(file.path());
      read += member_read;
      made += member_made;
    }
    return made;
  }

  InputFile file;
  std::vector<std::uint8_t> input;  // of the file as it is
  z_stream stream{};                // its input are the bytes of `input` still to be taken
  bool is_gzip = false;
  bool inside_member = false;
};

InflatingReader::InflatingReader(const std::filesystem::path& path, const Progress* progress)
    : state_(std::make_unique<State>(path, progress)) {}
InflatingReader::~InflatingReader() = default;
InflatingReader::InflatingReader(InflatingReader&&) noexcept = default;

const std::filesystem::path& InflatingReader::path() const { return state_->file.path(); }

bool InflatingReader::is_gzip() const { return state_->is_gzip; }

std::optional<std::uint64_t> InflatingReader::most_bytes() const {
  constexpr std::uint64_t largest_ratio = 1032;  // of deflate
  const auto size = state_->file.size();
  if (!size || !is_gzip()) return size;
  return *size > std::numeric_limits<std::uint64_t>::max() / largest_ratio ? *size
                                                                           : *size * largest_ratio;
}

std::optional<double> InflatingReader::part_read() const {
  const auto size = state_->file.size();
  if (!size) return std::nullopt;
  const std::size_t taken = state_->file.done() - state_->stream.avail_in;
  return std::clamp(static_cast<double>(taken) / static_cast<double>(*size), 1e-9, 1.0);
}

std::size_t InflatingReader::read(std::uint8_t* to, std::size_t count) {
  return is_gzip() ? state_->inflate(to, count) : state_->read_plain(to, count);
}

std::uint64_t InflatingReader::bytes_to_read_rest(std::size_t size) const {
  // At once it takes half the time, but holds the file as it is, and cannot be interrupted.
  constexpr std::size_t largest_at_once = std::size_t{1} << 28;
  const std::uint64_t held = state_->file.size().value_or(largest_at_once);
  const bool at_once = is_gzip() && std::max<std::uint64_t>(size, held) < largest_at_once &&
                       state_->file.done() <= State::input_bytes;
  return at_once ? std::max<std::uint64_t>(held + 1, State::input_bytes) : 0;
}

std::size_t InflatingReader::read_rest(std::uint8_t* whole, std::size_t done, std::size_t size) {
  if (bytes_to_read_rest(size) != 0) return state_->inflate_whole(whole, size);
  done += read(whole + done, size - done);
  std::uint8_t more;
  return done == size ? done + read(&more, 1) : done;
}

}  // namespace gridrun
