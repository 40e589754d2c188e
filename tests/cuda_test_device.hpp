// The device that cuda_kernel_test.cpp trains on: emulated in one program, a GPU in another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "device.hpp"

namespace gridrun::cuda {

/// Null when there is no device; `why` then says so. `seed` draws the order of threads, where that
/// can be chosen.
std::unique_ptr<Device> make_test_device(std::uint64_t seed, std::string& why);

/// Whether training is so slow here that the long tests take a part of their steps.
bool test_device_is_slow();

}  // namespace gridrun::cuda
