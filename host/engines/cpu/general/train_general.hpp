// Trains any sweep: every network that docs/arithmetic.md defines.
#pragma once

#include <cstdint>

#include "engines/cpu/general/general_statistics.hpp"
#include "gridrun/outcomes.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// Trains all networks on up to `threads` threads, and adds to `statistics`.
Outcomes train_general(const StagedSweep& sweep, unsigned threads, Progress& progress,
                       GeneralStatistics& statistics);

/// Bytes that `train_general` holds at once at most, its outcomes included. The sweep's order and
/// normals need not be there yet.
double general_memory_needed(const StagedSweep& sweep, unsigned threads);

/// The held-out pass alone: fills held_out_right of the outcomes of networks without biases from
/// their weights, which it takes away unless the sweep keeps them.
void judge_held_out(const StagedSweep& sweep, Outcomes& outcomes, unsigned threads,
                    const Progress& progress);

/// Bytes that `judge_held_out` holds at once at most, the outcomes not counted.
double judging_memory_needed(const StagedSweep& sweep, unsigned threads);

}  // namespace gridrun
