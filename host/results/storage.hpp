// What a network's words take on a chip, and the networks that make the most of it.
#pragma once

#include <string>
#include <vector>

#include "gridrun/network_spec.hpp"
#include "results/bootstrap.hpp"

namespace gridrun {

/// Bits of a network: of all weights, in the format `master` and, where its words are others, once
/// more in the format `weight`; and of what one sample takes, its inputs and the activations of all
/// units.
struct Storage {
  double weight_bits = 0;
  double activation_bits = 0;

  double bits() const { return weight_bits + activation_bits; }
};

Storage storage_of(const NetworkSpec& network);

/// "master, weight: 16 bits, fraction 12, stochastic, saturate; ...": each format and the tensors
/// that have it.
std::string formats_text(const NetworkSpec& network);

/// One network of a front.
struct FrontPoint {
  std::size_t cell = 0;  // its number in the grid, of the first seed
  Storage storage;
  Estimate value;  // of the metric, over seeds
};

/// The points of which none with as few bits has a larger mean, by rising bits.
std::vector<FrontPoint> pareto_front(std::vector<FrontPoint> points);

}  // namespace gridrun
