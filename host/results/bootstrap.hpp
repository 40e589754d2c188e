// How far a figure over seeds may be from that over all seeds that there could be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace gridrun {

/// A mean or median of some seeds, with its 95 % interval, which is empty for one seed.
struct Estimate {
  double middle = 0;
  double low = 0;
  double high = 0;
  std::size_t seeds = 0;  // that have the figure

  friend bool operator==(const Estimate&, const Estimate&) = default;
};

/// Percentile bootstrap (Efron 1979) over seeds: `resamples` times as many seeds are drawn, with
/// replacement, as there are, and the figure is computed of them; of the results in order, the 25th
/// and the 25th from the end bound the interval. Draw i of resample r is seed floor(word n / 2^32),
/// the word being number i mod 4 of Philox4x32-10 at the counter (i div 4, r, 0, 0) under the key
/// (n, 0x626f6f74), so that all figures of n seeds share their resamples.
class Bootstrap {
 public:
  static constexpr std::size_t resamples = 1000;

  /// At least one value.
  Estimate mean(const std::vector<double>& of_seed);
  Estimate median(const std::vector<double>& of_seed);

 private:
  const std::vector<std::uint32_t>& draws(std::size_t seeds);

  template <typename Figure>
  Estimate estimate(const std::vector<double>& of_seed, const Figure& figure);

  std::map<std::size_t, std::vector<std::uint32_t>> draws_;  // of so many seeds: [resample][seed]
};

}  // namespace gridrun
