// Host: the formats of a network's tensors, as a list.
#pragma once

#include <array>

#include "gridrun/network_spec.hpp"
#include "gridrun/tensor.hpp"

namespace gridrun {

/// In the order of Tensor.
inline std::array<const Format*, tensor_count> in_order(const TensorFormats& formats) {
  return {&formats.input,      &formats.master, &formats.weight,  &formats.accumulator,
          &formats.activation, &formats.error,  &formats.gradient};
}

}  // namespace gridrun
