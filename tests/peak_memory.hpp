// How much memory a statement takes.
#pragma once

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GRIDRUN_SANITIZED 1  // memory is not what it would be, and its limits cannot be set
#else
#define GRIDRUN_SANITIZED 0
#endif

namespace gridrun {

/// A line of /proc/self/status, in bytes.
inline double status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name)) return 1024 * std::strtod(line.c_str() + name.size(), nullptr);
  return 0;
}

/// The bytes by which the most memory held during `statement` is above that before it. It runs in a
/// process of its own; what it throws is no matter.
template <typename Statement>
double peak_growth(Statement&& statement) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::malloc_trim(0);  // what the test freed is not there for the statement
    const double before = status_bytes("VmRSS:");
    try {
      statement();
    } catch (...) {
    }
    const double growth = status_bytes("VmHWM:") - before;
    ::_exit(::write(ends[1], &growth, sizeof growth) == sizeof growth ? 0 : 1);
  }
  ::close(ends[1]);
  double growth = -1;
  if (::read(ends[0], &growth, sizeof growth) != sizeof growth) growth = -1;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return growth;
}

}  // namespace gridrun
