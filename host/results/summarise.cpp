#include "results/summarise.hpp"

#include <algorithm>
#include <cmath>

#include "results/savitzky_golay.hpp"

namespace gridrun {

Summariser::Summariser(const Sweep& sweep)
    : smoothing_(savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder)),
      keeps_all_steps_(sweep.report.curves) {}

CellResult Summariser::figures(const NetworkSpec& network, const Outcome& outcome,
                               std::uint32_t held_out) const {
  double trained = 0;  // weights
  LayerSums sums;
  for (std::size_t layer = 0; layer < network.layers(); ++layer) {
    trained += static_cast<double>(network.weights_of(layer));
    sums.abs_update += outcome.layers[layer].abs_update;
    sums.dropped += outcome.layers[layer].dropped;
  }
  const double visits = static_cast<double>(network.iterations / network.batch) * trained;
  const auto right = [&](std::uint32_t step) { return outcome.right[step] ? 1.0 : 0.0; };
  CellResult cell;
  cell.accuracy = smoothed_at_end(smoothing_, network.iterations, right);
  if (network.arithmetic == Arithmetic::fixed_point) {
    cell.mean_update = static_cast<double>(sums.abs_update) / visits;
    cell.mean_error =
        std::ldexp(static_cast<double>(sums.dropped) / visits, network.formats.gradient.fraction);
  }
  const auto window = static_cast<std::uint32_t>(smoothing_.size());
  std::uint32_t recent = 0;
  for (std::uint32_t step = network.iterations - window; step < network.iterations; ++step)
    recent += outcome.right[step];
  cell.recent_accuracy = static_cast<double>(recent) / window;
  cell.held_out = held_out;
  if (held_out != 0)
    cell.test_accuracy = static_cast<double>(outcome.held_out_right.count()) / held_out;
  return cell;
}

StoredNetwork Summariser::record(const NetworkSpec& network, Outcome&& outcome,
                                 std::uint32_t held_out, const ChanceLevels& chance) const {
  CellResult cell = figures(network, outcome, held_out);
  cell.chance = chance.accuracy;
  cell.recent_chance = chance.recent_accuracy;
  cell.test_chance = chance.test_accuracy;
  StoredNetwork stored;
  for (const Figure& figure : all_figures()) stored.figures.push_back(cell.*figure.value);
  stored.steps = network.iterations;
  stored.right = outcome.right.count();
  const auto window = static_cast<std::uint32_t>(smoothing_.size());
  stored.last_steps = keeps_all_steps_ ? stored.steps : window;
  stored.last_right = Bits(stored.last_steps);
  const std::uint32_t first = stored.steps - stored.last_steps;
  for (std::uint32_t step = first; step < stored.steps; ++step)
    if (outcome.right[step]) stored.last_right.set(step - first);
  stored.held_out = held_out;
  stored.held_out_right = static_cast<std::uint32_t>(outcome.held_out_right.count());
  stored.layers = std::move(outcome.layers);
  stored.diagnostics = std::move(outcome.diagnostics);
  stored.weights_digest = outcome.weights_digest;
  stored.weights = std::move(outcome.weights);
  return stored;
}

CellResult figures_of(const StoredNetwork& stored) {
  CellResult cell;
  for (std::size_t i = 0; i < all_figures().size(); ++i)
    cell.*all_figures()[i].value = stored.figures.at(i);
  cell.held_out = stored.held_out;
  return cell;
}

}  // namespace gridrun
