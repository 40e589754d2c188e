// Host and device: counts that tell why a network learned or not. docs/arithmetic.md, 8.7.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gridrun/arithmetic.hpp"
#include "gridrun/tensor.hpp"

namespace gridrun {

/// A signed sum of 64-bit values that cannot overflow: 2^63 terms fit.
__extension__ typedef __int128 SignedSum;

/// Bits of the shortest two's-complement word that holds a value: 1 for 0 and -1, 2 for 1.
GRIDRUN_HOST_DEVICE constexpr int word_width(std::int64_t value) {
  auto rest = static_cast<std::uint64_t>(value ^ (value >> 63));
  int width = 1;
  while (rest != 0) {
    rest >>= 1;
    ++width;
  }
  return width;
}

/// The values of one tensor of a layer, in training. Rounded, but not yet overflowed.
struct TensorDiagnostics {
  std::uint64_t overflowed = 0;  // values that their word cannot hold
  int bits = 1;                  // of the shortest word that holds them all

  friend bool operator==(const TensorDiagnostics&, const TensorDiagnostics&) = default;
};

/// What became of the values of one layer, in training.
struct LayerDiagnostics {
  TensorDiagnostics tensor[tensor_count];  // in the order of Tensor
  std::uint64_t updates = 0;               // u other than 0
  std::uint64_t lost = 0;                  // of these, those whose step is 0
  std::uint64_t inactive = 0;              // samples for which no unit of the layer was active
  std::uint64_t last_inactive = 0;         // of these, the last in a row, up to the end of training
  SignedSum step = 0;                      // sum of all steps, in units of the master's last place
  SignedSum product = 0;                   // sum of all P, in units of 2^-(F_error + F_0)

  GRIDRUN_HOST_DEVICE constexpr TensorDiagnostics& of(Tensor which) {
    return tensor[static_cast<std::size_t>(which)];
  }
  GRIDRUN_HOST_DEVICE constexpr const TensorDiagnostics& of(Tensor which) const {
    return tensor[static_cast<std::size_t>(which)];
  }

  /// Adds a part that has counted other values. Inactive samples are counted in one part only.
  GRIDRUN_HOST_DEVICE constexpr void add(const LayerDiagnostics& part) {
    for (std::size_t i = 0; i < tensor_count; ++i) {
      tensor[i].overflowed += part.tensor[i].overflowed;
      if (part.tensor[i].bits > tensor[i].bits) tensor[i].bits = part.tensor[i].bits;
    }
    updates += part.updates;
    lost += part.lost;
    inactive += part.inactive;
    last_inactive += part.last_inactive;
    step += part.step;
    product += part.product;
  }

  friend bool operator==(const LayerDiagnostics&, const LayerDiagnostics&) = default;
};

}  // namespace gridrun
