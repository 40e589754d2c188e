// The lanes of a neuron whose weights are 64-bit and wrap, moved together.
#pragma once

#include <hwy/aligned_allocator.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/cpu/lane_group.hpp"
#include "engines/cpu/sparse_samples.hpp"

namespace gridrun {

struct WideLanes {
  /// A lane of the group, and the network in it.
  struct Source {
    std::size_t lane;
    std::int32_t lr, fraction;
  };

  /// Adds a lane at place `count`. Its weights, `input_count` of them, are 0 until they are set.
  void add(const Source& source, std::size_t input_count);

  /// Fills `inputs`.
  void set_inputs(const SparseSamples& samples);

  std::size_t count = 0;
  std::size_t stride = 0;  // places for lanes: 4, 8 or all, or 0 while there is no lane
  alignas(64) std::array<std::int32_t, group_lanes> lr{};        // [place]
  alignas(64) std::array<std::int32_t, group_lanes> fraction{};  // [place]
  std::array<std::size_t, group_lanes> lane{};                   // [place], that of the group
  int coarsest_fraction = max_fraction;                          // of the lanes
  int finest_fraction = 0;                                       //
  hwy::AlignedFreeUniquePtr<std::int64_t[]> weights;  // w [input][place], 0 in spare places
  /// |x| at scale 2^-fraction, [value][place]: only where the group's lanes share no inputs.
  std::vector<std::uint64_t> inputs;
};

}  // namespace gridrun
