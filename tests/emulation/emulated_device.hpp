// A Device that runs the kernels' source on the processor, over cuda_emulation.hpp.
#pragma once

#include <cstdint>
#include <memory>

#include "device.hpp"

namespace gridrun::cuda {

struct EmulatedLimits {
  DeviceLimits device{1, std::size_t{99} << 10, std::size_t{100} << 10};
  std::size_t memory = std::size_t{4} << 30;
  std::size_t* most_used = nullptr;  // where the most bytes that are taken together are noted
};

/// `seed` draws the order of threads.
std::unique_ptr<Device> make_emulated_device(std::uint64_t seed, const EmulatedLimits& limits = {});

}  // namespace gridrun::cuda
