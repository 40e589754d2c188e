// How much memory a statement takes, and limits of it.
#pragma once

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "sanitizers.hpp"

namespace gridrun {

/// A line of /proc/self/status, in bytes.
inline double status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name)) return 1024 * std::strtod(line.c_str() + name.size(), nullptr);
  return 0;
}

/// Leaves this process so many bytes more of its address space. For a child of a test: it is for
/// good.
inline void limit_address_space(rlim_t left) {
  const rlim_t most = static_cast<rlim_t>(status_bytes("VmSize:")) + left;
  const rlimit limit{most, most};
  ::setrlimit(RLIMIT_AS, &limit);
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
    std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM begins anew, at VmRSS
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
