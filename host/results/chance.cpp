#include "results/chance.hpp"

#include <algorithm>
#include <cmath>

#include "results/savitzky_golay.hpp"

namespace gridrun {

double chance_level(const StagedSweep& staged, const std::vector<double>& weights) {
  const auto label = [&](std::uint32_t step) {
    return staged.dataset->labels[staged.sample_of_step(step)];
  };
  double level = 0.0;
  for (std::uint32_t answer = 0; answer < staged.outputs(); ++answer)
    level = std::max(level, smoothed_at_end(weights, staged.iterations, [&](std::uint32_t step) {
                       return label(step) == answer ? 1.0 : 0.0;
                     }));
  return level;
}

Chance chance_at(double level, const std::vector<double>& weights) {
  const std::size_t half = weights.size() / 2;
  double squares = weights[half] * weights[half];
  for (std::size_t k = 1; k <= half; ++k)  // the step after the last mirrors the one before
    squares += std::pow(weights[half - k] + weights[half + k], 2);
  const double share = std::min(level, 1.0);  // smoothing can leave [0, 1] slightly
  return {level, 4.0 * std::sqrt(share * (1.0 - share) * squares)};
}

}  // namespace gridrun
