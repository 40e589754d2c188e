// What a run says: one real for each figure and network.
#pragma once

#include <vector>

#include "gridrun/outcomes.hpp"
#include "gridrun/staged_sweep.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

struct CellResult {
  double accuracy = 0;     // smoothed at the last step; can leave [0, 1] slightly
  double mean_update = 0;  // mean |u|, in units of 2^-fraction
  double mean_error = 0;   // mean of what the learning-rate shift dropped, times 2^fraction
};

struct GridResult {
  std::vector<int> lr;            // rows
  std::vector<int> fraction;      // columns
  std::vector<CellResult> cells;  // [row][column]

  const CellResult& at(std::size_t row, std::size_t column) const {
    return cells[row * fraction.size() + column];
  }
};

/// The only place where outcomes become reals.
GridResult summarise(const Sweep& sweep, const StagedSweep& staged, const Outcomes& outcomes);

}  // namespace gridrun
