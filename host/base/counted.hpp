// Counts with their noun.
#pragma once

#include <cstdint>
#include <string>

namespace gridrun {

/// "1 network", "2 networks".
inline std::string counted(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace gridrun
