// Host and device: what a network is, as a number: the same wherever it stands in whatever grid.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace gridrun {

/// A hash of 128 bits.
struct Identity {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const Identity&, const Identity&) = default;
};

/// For unordered containers.
struct IdentityHash {
  std::size_t operator()(const Identity& identity) const { return identity.low; }
};

}  // namespace gridrun
