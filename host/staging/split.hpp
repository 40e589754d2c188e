// Which samples are the train split, and which the test split.
#pragma once

#include <cstdint>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"
#include "staging/legacy_random.hpp"

namespace gridrun {

/// Indices of the samples of both splits, each in the stored order.
struct Split {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> test;
};

/// How many samples `dataset.test` takes, 0 where it is not given. Throws RequestError where there
/// cannot be such a split of the data.
std::size_t drawn_test_samples(const Draws& draws, const Dataset& dataset);

/// The split that the data come with, or the one that is drawn, first of all, from `random`.
Split split(const Dataset& dataset, const Draws& draws, LegacyRandom& random);

}  // namespace gridrun
