// Trains any sweep: every network that docs/arithmetic.md defines.
#pragma once

#include <functional>

#include "engines/cpu/general/general_statistics.hpp"
#include "gridrun/engine.hpp"

namespace gridrun {

/// Trains all networks on up to `threads` threads as Engine::train() does, and adds to
/// `statistics`.
void train_general(const StagedSweep& sweep, unsigned threads, Progress& progress,
                   const TakeOutcome& take, GeneralStatistics& statistics);

/// Bytes that `train_general` holds at once at most, outcomes of the networks in work included. The
/// sweep's order and normals need not be there yet.
double general_memory_needed(const StagedSweep& sweep, unsigned threads);

/// For an engine that cannot judge: has `train` train networks without biases, which hands over
/// their outcomes. Without held-out samples `take` is given to it. Else outcomes must have the
/// final weights; all of them wait until the networks are trained, and are handed over to `take` as
/// they are judged, with the weights only if the sweep keeps them.
void train_then_judge(const StagedSweep& sweep, unsigned threads, Progress& progress,
                      const TakeOutcome& take,
                      const std::function<void(const TakeOutcome&)>& train);

/// Bytes of the outcomes that wait to be judged, their weights included.
double waiting_bytes(const StagedSweep& sweep);

/// Bytes that the judging in `train_then_judge` holds at once at most, the outcomes not counted.
double judging_memory_needed(const StagedSweep& sweep, unsigned threads);

}  // namespace gridrun
