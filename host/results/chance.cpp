#include "results/chance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "results/savitzky_golay.hpp"

namespace gridrun {
namespace {

/// Share of the label that most of `count` samples have.
template <typename LabelOf>
double largest_share(std::size_t count, std::size_t classes, const LabelOf& label_of) {
  std::vector<std::size_t> counts(classes);
  for (std::size_t i = 0; i < count; ++i) ++counts[label_of(i)];
  return static_cast<double>(*std::max_element(counts.begin(), counts.end())) /
         static_cast<double>(count);
}

}  // namespace

ChanceLevels chance_levels(const StagedSweep& staged, const std::vector<double>& smoothing) {
  const std::vector<std::uint32_t>& labels = staged.dataset->labels;
  const auto label = [&](std::uint64_t step) { return labels[staged.sample_of_step(step)]; };
  ChanceLevels levels;
  for (std::uint32_t answer = 0; answer < staged.outputs(); ++answer)
    levels.accuracy = std::max(
        levels.accuracy, smoothed_at_end(smoothing, staged.iterations, [&](std::uint32_t step) {
          return label(step) == answer ? 1.0 : 0.0;
        }));
  const std::size_t window = smoothing.size();
  levels.recent_accuracy = largest_share(window, staged.outputs(), [&](std::size_t i) {
    return label(staged.iterations - window + i);
  });
  levels.test_accuracy =
      staged.held_out.empty()
          ? std::numeric_limits<double>::quiet_NaN()
          : largest_share(staged.held_out.size(), staged.outputs(),
                          [&](std::size_t i) { return labels[staged.held_out[i]]; });
  return levels;
}

double smoothing_spread(const std::vector<double>& smoothing) {
  const std::size_t half = smoothing.size() / 2;
  double squares = smoothing[half] * smoothing[half];
  for (std::size_t k = 1; k <= half; ++k)  // the step after the last mirrors the one before
    squares += std::pow(smoothing[half - k] + smoothing[half + k], 2);
  return squares;
}

Chance chance_at(double level, double spread) {
  const double share = std::min(level, 1.0);  // smoothing can leave [0, 1] slightly
  return {level, 4.0 * std::sqrt(share * (1.0 - share) * spread), spread};
}

}  // namespace gridrun
