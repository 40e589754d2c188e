// What this machine has.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <thread>

namespace gridrun {

/// Processors, at least 1.
inline unsigned processors() { return std::max(1U, std::thread::hardware_concurrency()); }

/// Bytes of physical memory.
inline std::uint64_t memory_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
}

}  // namespace gridrun
