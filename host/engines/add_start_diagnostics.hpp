// Completes diagnostics by what StartDiagnostics counts.
#pragma once

#include "gridrun/engine.hpp"

namespace gridrun {

/// Takes outcomes whose diagnostics are of the steps only, and hands them over to `take` with what
/// needs no training added; `take` itself where the sweep does not diagnose. Both arguments outlive
/// what is returned.
TakeOutcome add_start_diagnostics(const StagedSweep& sweep, const TakeOutcome& take);

}  // namespace gridrun
