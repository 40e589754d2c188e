// The weights that a network starts from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/outcomes.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// The standard deviation of a layer's initial weights, in their unit.
double initial_std(const NetworkSpec& spec, std::size_t layer);

/// What makes the normals of a layer its initial weights; of larger ones it makes weights that are
/// all at least as large, or all at most.
struct WeightDraw {
  double mean, std, unit;

  WeightDraw(const NetworkSpec& spec, std::size_t layer);

  /// Not yet overflowed.
  std::int64_t operator()(double normal) const;
};

/// Words of the format `master` [layer][unit][input], without biases, which start at 0. The sweep's
/// normals are drawn.
Weights initial_weights(const StagedSweep& sweep, const NetworkSpec& spec);

/// Weights of a network of binary64, [layer][unit][input].
using RealWeights = std::vector<std::vector<double>>;

/// The same of a network of binary64. docs/arithmetic.md, 10.3.
RealWeights initial_reals(const StagedSweep& sweep, const NetworkSpec& spec);

}  // namespace gridrun
