#include "results/learning_curves.hpp"

#include <algorithm>
#include <limits>

#include "results/savitzky_golay.hpp"

namespace gridrun {
namespace {

std::vector<std::uint32_t> thinned_steps(std::uint32_t iterations) {
  const std::uint64_t points = std::min<std::uint64_t>(iterations, most_points_of_a_curve);
  std::vector<std::uint32_t> steps(points, 0);
  for (std::uint64_t point = 1; point < points; ++point)
    steps[point] = static_cast<std::uint32_t>(point * (iterations - 1) / (points - 1));
  return steps;
}

}  // namespace

CurvesMaker::CurvesMaker(const Sweep& sweep, std::size_t networks)
    : smoother_(savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder),
                sweep.report.polyorder),
      iterations_(sweep.train.iterations),
      curves_{thinned_steps(iterations_), {}} {
  curves_.accuracy.assign(networks * curves_.steps.size(),
                          std::numeric_limits<double>::quiet_NaN());
}

void CurvesMaker::add(std::size_t network, const Bits& right) {
  const auto values = smoother_.smoothed(right, iterations_, curves_.steps);
  std::copy(values.begin(), values.end(),
            curves_.accuracy.begin() + static_cast<std::ptrdiff_t>(network * values.size()));
}

}  // namespace gridrun
