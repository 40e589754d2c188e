// Makes a sweep ready to train.
#pragma once

#include "gridrun/dataset.hpp"
#include "gridrun/engine.hpp"
#include "gridrun/staged_sweep.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// Resolves the networks, draws the order of the samples and the normals of the weights, and checks
/// that every number fits 64 bits. Throws RequestError naming the configuration key that does not
/// fit the data, and, before any of it is taken, when there is not the memory for that and for the
/// training on `engine`, if given.
StagedSweep stage(const Sweep& sweep, const Dataset& dataset, const Engine* engine = nullptr);

}  // namespace gridrun
