#include <cmath>

#include "results/savitzky_golay.hpp"
#include "results/summarise.hpp"

namespace gridrun {

GridResult summarise(const Sweep& sweep, const StagedSweep& staged, const Outcomes& outcomes) {
  const auto weights = savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder);
  const double visits = static_cast<double>(staged.iterations) *
                        static_cast<double>(staged.outputs) * static_cast<double>(staged.inputs);
  GridResult result{sweep.grid.lr, sweep.grid.fraction, {}};
  result.cells.reserve(outcomes.size());
  for (std::size_t n = 0; n < outcomes.size(); ++n) {
    const Outcome& outcome = outcomes[n];
    const auto right = [&](std::uint32_t step) { return outcome.was_right(step) ? 1.0 : 0.0; };
    result.cells.push_back({smoothed_at_end(weights, staged.iterations, right),
                            static_cast<double>(outcome.sum_abs_update) / visits,
                            std::ldexp(static_cast<double>(outcome.sum_dropped) / visits,
                                       staged.networks[n].fraction)});
  }
  return result;
}

}  // namespace gridrun
