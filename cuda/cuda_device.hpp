// Host: a GPU over the CUDA runtime.
#pragma once

#include <memory>

#include "device.hpp"

namespace gridrun::cuda {

/// GPU `number`, which must exist, for the calling thread.
std::unique_ptr<Device> make_cuda_device(int number);

}  // namespace gridrun::cuda
