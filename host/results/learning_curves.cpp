#include "results/learning_curves.hpp"

#include <algorithm>

#include "base/machine.hpp"
#include "base/parallel.hpp"
#include "results/run_smoother.hpp"
#include "results/savitzky_golay.hpp"

namespace gridrun {
namespace {

std::vector<std::uint32_t> thinned_steps(std::uint32_t iterations) {
  constexpr std::uint64_t most_points = 1000;
  const std::uint64_t points = std::min<std::uint64_t>(iterations, most_points);
  std::vector<std::uint32_t> steps(points, 0);
  for (std::uint64_t point = 1; point < points; ++point)
    steps[point] = static_cast<std::uint32_t>(point * (iterations - 1) / (points - 1));
  return steps;
}

}  // namespace

LearningCurves learning_curves(const Sweep& sweep, const Outcomes& outcomes) {
  const RunSmoother smoother(
      savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder),
      sweep.report.polyorder);
  LearningCurves curves{thinned_steps(sweep.train.iterations), {}};
  const std::size_t points = curves.steps.size();
  curves.accuracy.resize(outcomes.size() * points);
  parallel_for(outcomes.size(), processors(), [&](std::size_t n) {
    const auto values = smoother.smoothed(outcomes[n], sweep.train.iterations, curves.steps);
    std::copy(values.begin(), values.end(),
              curves.accuracy.begin() + static_cast<std::ptrdiff_t>(n * points));
  });
  return curves;
}

}  // namespace gridrun
