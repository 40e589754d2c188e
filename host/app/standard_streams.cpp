#include "app/standard_streams.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gridrun/error.hpp"

namespace gridrun {
namespace {

int output_error = 0;  // the first one

/// Returns 0, or the error.
int write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

void open_standard_streams() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
      static_cast<void>(::open("/dev/null", O_RDWR));  // gets the lowest number that is free
}

void print(std::string_view text) noexcept {
  if (output_error == 0) output_error = write_all(STDOUT_FILENO, text);
}

void print_error(std::string_view text) noexcept { write_all(STDERR_FILENO, text); }

void check_standard_output() {
  if (output_error != 0)
    throw RunError(fmt::format("standard output: cannot write: {}", std::strerror(output_error)));
}

}  // namespace gridrun
