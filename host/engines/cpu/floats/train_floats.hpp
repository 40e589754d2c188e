// Trains sweeps of binary64.
#pragma once

#include "gridrun/engine.hpp"

namespace gridrun {

/// Trains all networks on up to `threads` threads, a network each, as Engine::train() does.
void train_floats(const StagedSweep& sweep, unsigned threads, Progress& progress,
                  const TakeOutcome& take);

/// Bytes that `train_floats` holds at once at most, outcomes of the networks in work included. The
/// sweep's order and normals need not be there yet.
double floats_memory_needed(const StagedSweep& sweep, unsigned threads);

}  // namespace gridrun
