// What this machine has.
#pragma once

#include <algorithm>
#include <thread>

namespace gridrun {

/// Processors, at least 1.
inline unsigned processors() { return std::max(1U, std::thread::hardware_concurrency()); }

}  // namespace gridrun
