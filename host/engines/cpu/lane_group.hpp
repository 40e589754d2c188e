// How the cpu engine lays networks side by side: a SIMD lane is one network of a group, and the
// groups of a sweep share nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/study_sweep.hpp"

namespace gridrun {

/// Networks in a group: one cache line of 32-bit weights.
inline constexpr std::size_t group_lanes = 16;

/// Some lanes of a group: bit l of it is lane l.
using LaneSet = std::uint32_t;
static_assert(group_lanes <= 32);

constexpr bool holds(LaneSet lanes, std::size_t lane) { return (lanes >> lane & 1) != 0; }

/// Up to group_lanes networks that train in step.
struct LaneGroup {
  std::vector<std::size_t> members;                  // indices into the networks, one a lane from 0
  std::array<StudyNetwork, group_lanes> networks{};  // lanes past the members repeat lane 0
  bool one_fraction = true;                          // whether all networks have the same fraction
};

/// Groups that hold every network once. A group has one fraction, so that its lanes share the
/// inputs; with `mix`, what is left of the fractions after full groups is packed together, by lr.
std::vector<LaneGroup> group_networks(const std::vector<StudyNetwork>& networks, bool mix);

}  // namespace gridrun
