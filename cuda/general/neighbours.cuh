// Device: values that are read at once.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// Values of neighbouring units or inputs.
template <typename Value, std::uint32_t kCount>
struct alignas(sizeof(Value) * kCount <= 16 ? sizeof(Value) * kCount : 16) Neighbours {
  Value of[kCount];
};

}  // namespace gridrun::cuda
