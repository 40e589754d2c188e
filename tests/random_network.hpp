// Random networks with their samples, for engines that train what docs/arithmetic.md defines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"

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
/// one input, one unit. No right shift is above 63.
RandomNetwork random_network(std::uint32_t seed, RandomBits bits);

}  // namespace gridrun
