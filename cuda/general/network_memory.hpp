// Host: device memory that networks in general take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "general/network_kinds.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun::cuda {

/// How many of a sweep's networks, which are of one kind and laid out so, `memory` bytes have room
/// for while they are trained together: of the first ones, at least 1.
std::size_t networks_that_fit(const StagedSweep& sweep, std::span<const std::size_t> networks,
                              const NetworkKind& kind, const NetworkLayout& layout,
                              std::uint64_t memory);

}  // namespace gridrun::cuda
