// The weights that a network starts from.
#pragma once

#include <cstddef>
#include <vector>

#include "gridrun/outcomes.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// The standard deviation of a layer's initial weights, in their unit.
double initial_std(const NetworkSpec& spec, std::size_t layer);

/// Words of the format `master` [layer][unit][input], without biases, which start at 0. The sweep's
/// normals are drawn.
Weights initial_weights(const StagedSweep& sweep, const NetworkSpec& spec);

/// Weights of a network of binary64, [layer][unit][input].
using RealWeights = std::vector<std::vector<double>>;

/// The same of a network of binary64. docs/arithmetic.md, 10.3.
RealWeights initial_reals(const StagedSweep& sweep, const NetworkSpec& spec);

}  // namespace gridrun
