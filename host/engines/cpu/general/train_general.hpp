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

}  // namespace gridrun
