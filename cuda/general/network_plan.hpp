// Host: how networks in general are laid out for the kernels. Plain C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device.hpp"
#include "general/network_types.hpp"
#include "gridrun/network_spec.hpp"

namespace gridrun::cuda {

/// Where all networks of some layers have their weights and vectors.
struct NetworkPlaces {
  std::vector<LayerPlace> layers;
  VectorPlaces vectors;
  std::uint64_t weights = 0;  // words of one network

  /// `units` as NetworkSpec has them.
  explicit NetworkPlaces(const std::vector<std::uint32_t>& units);
};

/// A network, but for where its vectors are and which words stored bytes stand for: these are 0.
DeviceNetwork device_network(const NetworkSpec& spec);

/// [layers]
std::vector<LayerArithmetic> layer_arithmetic(const NetworkSpec& spec);

/// Whether all that comes of P fits words of 32 bits, and every shift is to the right.
bool updates_in_32_bits(const NetworkSpec& spec, std::size_t layer);

/// Bytes of the words that hold a network's weights: 2 or 4 where all factors have at most 32 bits
/// and u too, else 8.
std::size_t weight_bytes(const NetworkSpec& spec);

/// How to train networks of words of so many bytes, but for how many there are. Weights and vectors
/// are in shared memory where they fit; vectors of batches and what is counted never are.
NetworkLaunch choose_network_launch(const NetworkPlaces& places, std::size_t word, bool in_batches,
                                    bool counts, const DeviceLimits& limits);

/// Bytes of device memory that a network takes at most, a batch of its samples included, where so
/// many steps and held-out samples are judged.
std::uint64_t network_bytes(const NetworkPlaces& places, const NetworkLaunch& launch,
                            std::uint32_t batch, std::uint64_t judged);

}  // namespace gridrun::cuda
