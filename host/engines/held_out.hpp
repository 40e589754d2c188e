// The held-out pass over networks whose weights are known.
#pragma once

#include "gridrun/outcomes.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// Fills held_out_right of the outcomes of networks without biases from their weights, which it
/// takes away unless the sweep keeps them. Uses up to `threads` threads, a network each.
void judge_held_out(const StagedSweep& sweep, Outcomes& outcomes, unsigned threads,
                    const Progress& progress);

}  // namespace gridrun
