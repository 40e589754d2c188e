#include <cmath>

#include "results/savitzky_golay.hpp"
#include "results/summarise.hpp"

namespace gridrun {

GridResult summarise(const Sweep& sweep, const StagedSweep& staged, const Outcomes& outcomes) {
  const auto weights = savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder);
  const auto held_out = static_cast<double>(staged.held_out.size());
  GridResult result{axes_of(sweep), {}, !staged.held_out.empty()};
  result.cells.reserve(outcomes.size());
  for (std::size_t n = 0; n < outcomes.size(); ++n) {
    const Outcome& outcome = outcomes[n];
    const NetworkSpec& network = staged.networks[n];
    double trained = 0;  // weights
    LayerSums sums;
    for (std::size_t layer = 0; layer < network.layers(); ++layer) {
      trained += static_cast<double>(network.weights_of(layer));
      sums.abs_update += outcome.layers[layer].abs_update;
      sums.dropped += outcome.layers[layer].dropped;
    }
    const double visits = static_cast<double>(staged.iterations / network.batch) * trained;
    const auto right = [&](std::uint32_t step) { return outcome.right[step] ? 1.0 : 0.0; };
    CellResult cell;
    cell.accuracy = smoothed_at_end(weights, staged.iterations, right);
    cell.mean_update = static_cast<double>(sums.abs_update) / visits;
    cell.mean_error =
        std::ldexp(static_cast<double>(sums.dropped) / visits, network.formats.gradient.fraction);
    if (result.holds_out)
      cell.test_accuracy = static_cast<double>(outcome.held_out_right.count()) / held_out;
    result.cells.push_back(cell);
  }
  return result;
}

}  // namespace gridrun
