// From an engine's integers to a run's figures.
#pragma once

#include "gridrun/outcomes.hpp"
#include "gridrun/staged_sweep.hpp"
#include "gridrun/sweep.hpp"
#include "results/grid_result.hpp"

namespace gridrun {

/// The only place where outcomes become reals. docs/arithmetic.md, part 8.
GridResult summarise(const Sweep& sweep, const StagedSweep& staged, const Outcomes& outcomes);

}  // namespace gridrun
