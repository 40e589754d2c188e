#include "base/durable_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, int error) {
  throw RunError(fmt::format("{}: cannot write: {}", path_text(path), std::strerror(error)));
}

}  // namespace

void write_file(const fs::path& path, std::string_view contents) {
  const FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) fail(path, errno);
  while (!contents.empty()) {
    const ssize_t written = ::write(file.number(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, errno);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
}

void sync_to_disk(const fs::path& path) {
  const FileDescriptor file(path, O_RDONLY);
  if (!file) fail(path, errno);
  // Some file systems cannot sync a directory: EINVAL.
  if (::fsync(file.number()) != 0 && errno != EINVAL) fail(path, errno);
}

}  // namespace gridrun
