// Host: how much of a device's memory networks may take.
#pragma once

#include <algorithm>
#include <cstdint>

#include "batched_engine.hpp"
#include "device.hpp"

namespace gridrun::cuda {

/// Free bytes, less what the runtime and Thrust take beside our buffers and what allocations are
/// rounded up by: some 20 buffers, each by up to 2 MiB.
inline std::uint64_t memory_for_networks(Device& device, const Tuning& tuning) {
  constexpr std::uint64_t rounding_of_buffers = std::uint64_t{40} << 20;
  const std::uint64_t most = device.free_memory() / 10 * 9;
  return std::min(most - std::min(most / 2, rounding_of_buffers), tuning.memory);
}

}  // namespace gridrun::cuda
