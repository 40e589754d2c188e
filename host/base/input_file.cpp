#include "base/input_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw RequestError(fmt::format("{}: {}", path_text(path), what));
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, const Progress* progress)
    : path_(path), progress_(progress) {
  do {
    check_stopped();
    descriptor_ = FileDescriptor(path, O_RDONLY);
  } while (!descriptor_ && errno == EINTR);
  if (!descriptor_) fail(path, fmt::format("cannot open: {}", std::strerror(errno)));
}

std::optional<std::uint64_t> InputFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_.number(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

std::size_t InputFile::read(std::uint8_t* to, std::size_t count) {
  constexpr std::size_t most_at_once = std::size_t{1} << 24;  // until the next look at progress
  std::size_t done = 0;
  while (done < count) {
    check_stopped();
    const ssize_t got =
        ::read(descriptor_.number(), to + done, std::min(count - done, most_at_once));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, fmt::format("cannot read: {}", std::strerror(errno)));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  done_ += done;
  return done;
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  constexpr std::size_t most = std::size_t{1} << 26;
  InputFile file(path, nullptr);
  const auto size = std::min<std::uint64_t>(file.size().value_or(0), most);
  std::vector<std::uint8_t> bytes(size + 1);  // one more, to meet the end
  std::size_t length = 0;
  while ((length += file.read(bytes.data() + length, bytes.size() - length)) == bytes.size()) {
    if (length > most) fail(path, "larger than 64 MiB, expected a text");
    bytes.resize(2 * bytes.size() + 4096);  // it is a pipe, or has grown
  }
  bytes.resize(length);
  return bytes;
}

}  // namespace gridrun
