// Host: the formats of a network's tensors, as a list.
#pragma once

#include <array>

#include "gridrun/network_spec.hpp"
#include "gridrun/tensor.hpp"

namespace gridrun {

/// TensorFormats, constant or not, in the order of Tensor.
template <typename Formats>
auto in_order(Formats& formats) {
  return std::array<decltype(&formats.input), tensor_count>{
      &formats.input,      &formats.master, &formats.weight,  &formats.accumulator,
      &formats.activation, &formats.error,  &formats.gradient};
}

}  // namespace gridrun
