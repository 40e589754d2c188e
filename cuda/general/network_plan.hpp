// Host: how networks in general are laid out for the kernels. Plain C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device.hpp"
#include "general/network_types.hpp"
#include "gridrun/network_spec.hpp"

namespace gridrun::cuda {

/// Where all networks of some layers have their weights and vectors, and how the lanes of a block
/// share them.
struct NetworkPlaces {
  std::vector<LayerPlace> layers;
  std::uint32_t vector_words = 0;  // of 64 bits, of a sample's vectors
  std::uint64_t weights = 0;       // words of one network
  std::size_t word;                // bytes of one: 2, 4 or 8
  std::uint32_t lanes = 0;         // of a block, whole warps

  /// `units` as NetworkSpec has them. A row of weights has a multiple of `row_multiple` words.
  NetworkPlaces(const std::vector<std::uint32_t>& units, std::size_t word, std::uint32_t most_lanes,
                std::uint32_t row_multiple = 1);

  /// Bytes of what holds an input or an error.
  std::size_t value_bytes() const { return word == 8 ? 8 : 4; }
};

/// A network, but for its list of inputs, which is 0.
DeviceNetwork device_network(const NetworkSpec& spec);

/// [layers]
std::vector<LayerArithmetic> layer_arithmetic(const NetworkSpec& spec);

/// Whether all that comes of P fits words of 32 bits, and no shift is to the left; in batches,
/// where |P| is at most narrow_most.
bool updates_in_32_bits(const NetworkSpec& spec, std::size_t layer);

/// Units with errors from which on a layer's weights are updated four at once, by kernels that
/// update after every sample: where they are rounded at random in 32 bits, and no four elements
/// that share random words are in two rows. Two draws for four weights then cost less than two for
/// each that has an error. Else more than there are.
std::uint32_t least_in_fours(const NetworkSpec& spec, std::size_t layer);

/// Bytes of the words that hold a network's weights: 2 or 4 where all factors have at most 32 bits
/// and u too, and no layer has 2^32 weights, else 8.
std::size_t weight_bytes(const NetworkSpec& spec);

/// Whether a network can do with the kernels of plain ones, which are faster: without batches and
/// weights in a format of their own, nothing is rounded at random, and all updates are in 32 bits.
bool is_plain(const NetworkSpec& spec);

/// What makes the normals of each layer its first weights.
std::vector<DrawnWeights> drawn_weights(const NetworkSpec& spec);

/// How to train networks that lie so, but for how many there are. Vectors, weights and sums are in
/// shared memory where they fit, in this order; what is counted, and all but the vectors of
/// networks that are, never is.
NetworkLaunch choose_network_launch(const NetworkPlaces& places, bool plain, bool counts,
                                    const DeviceLimits& limits);

/// Where networks have their parts, and how they are trained.
struct NetworkLayout {
  NetworkPlaces places;
  NetworkLaunch launch;
};

/// The layout of so many networks. Plain ones whose vectors do not fit shared memory are trained as
/// others are. Where each multiprocessor has many, some are trained at once, with fewer lanes each,
/// and weights in global memory where they do not fit beside each other.
NetworkLayout lay_out_networks(const std::vector<std::uint32_t>& units, std::size_t word,
                               bool plain, bool counts, const DeviceLimits& limits,
                               std::size_t networks);

/// Steps of a launch, at most, so that the sums of a lane fit LaneSums.
std::uint32_t most_launch_steps(const NetworkPlaces& places);

}  // namespace gridrun::cuda
