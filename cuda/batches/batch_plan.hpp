// Host: how networks that train in batches of samples are laid out for the kernels. Plain C++.
#pragma once

#include <cstdint>
#include <vector>

#include "batches/batch_types.hpp"
#include "gridrun/network_spec.hpp"

namespace gridrun::cuda {

/// Where all networks of some layers have their values.
struct BatchPlaces {
  std::vector<BatchPlace> layers;
  std::uint64_t values = 0;        // of one network
  std::uint32_t input_stride = 0;  // of what layer 1 is given

  /// With room for so many samples.
  BatchPlaces(const std::vector<LayerPlace>& places, std::uint32_t samples);
};

/// Bytes of the factors of a network's products, 1 to 4, where tensor cores multiply them: where
/// the network's words (network_plan.hpp) have up to 4 bytes. Else 0.
std::uint32_t factor_bytes(const NetworkSpec& spec, std::size_t word);

/// Samples that pass at once, with the networks' batch: those of the test split pass in greater
/// numbers than those of small batches.
std::uint32_t samples_at_once(std::uint32_t batch, std::size_t held_out);

/// Blocks of the part that a launch and its arguments name, in all.
std::uint64_t blocks_of(const BatchLaunch& launch, const BatchArguments& arguments,
                        const std::vector<LayerPlace>& places);

/// Products that a block of it adds up, at most, or would in the time; 1 where that is short.
std::uint64_t products_of_block(const BatchLaunch& launch, const BatchArguments& arguments,
                                const std::vector<LayerPlace>& places);

/// Products that the device is given at once, and blocks of so many products each: a display's
/// watchdog waits for a launch, and Ctrl-C for what the device was given.
inline constexpr std::uint64_t most_products = std::uint64_t{1} << 37;
std::uint32_t most_launch_blocks(std::uint64_t products_of_block);

}  // namespace gridrun::cuda
