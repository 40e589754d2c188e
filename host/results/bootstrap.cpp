#include "results/bootstrap.hpp"

#include <algorithm>
#include <numeric>

#include "gridrun/philox.hpp"

namespace gridrun {
namespace {

double mean_of(std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Of an even number of values, the mean of the two in the middle.
double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

}  // namespace

const std::vector<std::uint32_t>& Bootstrap::draws(std::size_t seeds) {
  std::vector<std::uint32_t>& draws = draws_[seeds];
  if (!draws.empty()) return draws;
  draws.reserve(resamples * seeds);
  for (std::uint32_t resample = 0; resample < resamples; ++resample)
    for (std::size_t i = 0; i < seeds; ++i) {
      const PhiloxBlock block = philox({{static_cast<std::uint32_t>(i / 4), resample, 0, 0}},
                                       static_cast<std::uint32_t>(seeds), 0x626f6f74);
      draws.push_back(static_cast<std::uint32_t>(block.word[i % 4] * std::uint64_t{seeds} >> 32));
    }
  return draws;
}

template <typename Figure>
Estimate Bootstrap::estimate(const std::vector<double>& of_seed, const Figure& figure) {
  const std::size_t n = of_seed.size();
  std::vector<double> drawn = of_seed;
  Estimate estimate{figure(drawn), 0, 0, n};
  estimate.low = estimate.high = estimate.middle;
  if (n == 1) return estimate;
  const std::vector<std::uint32_t>& draws = this->draws(n);
  std::vector<double> results(resamples);
  for (std::size_t resample = 0; resample < resamples; ++resample) {
    for (std::size_t i = 0; i < n; ++i) drawn[i] = of_seed[draws[resample * n + i]];
    results[resample] = figure(drawn);
  }
  constexpr std::size_t tail = resamples / 40;  // 2.5 %
  std::sort(results.begin(), results.end());
  estimate.low = results[tail - 1];
  estimate.high = results[resamples - tail];
  return estimate;
}

Estimate Bootstrap::mean(const std::vector<double>& of_seed) { return estimate(of_seed, mean_of); }

Estimate Bootstrap::median(const std::vector<double>& of_seed) {
  return estimate(of_seed, median_of);
}

}  // namespace gridrun
