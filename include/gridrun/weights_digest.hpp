// Host and device: a fingerprint of a network's weights. docs/arithmetic.md, 8.5.
#pragma once

#include <cstdint>

#include "gridrun/arithmetic.hpp"

namespace gridrun {

/// One weight's part of the digest, which is the sum of all parts modulo 2^64: they may be added in
/// any order. `place` numbers the weights of a network from 0, layer by layer, within one input by
/// input, the bias last, and within one input unit by unit. The mixing is MurmurHash3's 64-bit
/// finaliser (Appleby, public domain).
GRIDRUN_HOST_DEVICE constexpr std::uint64_t weight_digest(std::int64_t weight,
                                                          std::uint64_t place) {
  std::uint64_t mixed = static_cast<std::uint64_t>(weight) + (place + 1) * 0x9E3779B97F4A7C15;
  mixed = (mixed ^ mixed >> 33) * 0xFF51AFD7ED558CCD;
  mixed = (mixed ^ mixed >> 33) * 0xC4CEB9FE1A85EC53;
  return mixed ^ mixed >> 33;
}

}  // namespace gridrun
