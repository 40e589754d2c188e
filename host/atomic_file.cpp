#include "atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, int error) {
  throw RunError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(error)));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : number_(::open(path.c_str(), flags, 0666)) {
    if (number_ < 0) fail(path, errno);
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

void write_file(const fs::path& path, std::string_view contents) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  while (!contents.empty()) {
    const ssize_t written = ::write(file.number(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, errno);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
}

AtomicFile::AtomicFile(fs::path path, const std::function<void(const fs::path&)>& write)
    : path_(std::move(path)), partial_(fmt::format("{}.{}.partial", path_.string(), ::getpid())) {
  try {
    write(partial_);
    const Descriptor file(partial_, O_RDONLY | O_CLOEXEC);
    if (::fsync(file.number()) != 0) fail(path_, errno);
  } catch (...) {
    ::unlink(partial_.c_str());
    throw;
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), partial_(std::exchange(other.partial_, fs::path())) {}

AtomicFile::~AtomicFile() {
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

void AtomicFile::commit() {
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail(path_, errno);
  partial_.clear();
}

}  // namespace gridrun
