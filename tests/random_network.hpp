// Random networks with their samples, for engines that train what docs/arithmetic.md defines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// Widths of the formats of a random network.
struct RandomBits {
  int least, most;
};

struct RandomNetwork {
  std::string description;
  NetworkSpec spec;
  Weights weights;  // at the start, biases left out
  Dataset dataset;
  std::uint32_t iterations = 0;
};

/// One of many: formats with so many bits, each tensor its own or all the same; every rounding and
/// overflow, 1 to 4 layers, biases, batches, learning rates of both signs, inputs of both signs,
/// one input, one unit. No right shift is above 63. `units`: its layers, or none for random ones.
RandomNetwork random_network(std::uint32_t seed, RandomBits bits,
                             const std::vector<std::uint32_t>& units = {});

/// A sweep together with the data set that it points to.
struct RandomNetworks {
  std::string description;
  std::unique_ptr<Dataset> dataset;
  StagedSweep staged;
};

/// Some normals for the weights of networks of these units, other ones for another seed.
std::vector<double> some_normals(const std::vector<std::uint32_t>& units, std::uint32_t seed);

/// 5 to 14 networks of the layers of one random network, each of which has its own formats and the
/// rest. Some overflow at the start.
RandomNetworks random_networks(std::uint32_t seed, RandomBits bits,
                               const std::vector<std::uint32_t>& units = {});

}  // namespace gridrun
