#include "staging/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gridrun/error.hpp"

namespace gridrun {

std::size_t drawn_test_samples(const Draws& draws, const Dataset& dataset) {
  if (!draws.test) {
    if (draws.samples == TrainSamples::train && dataset.train_samples == dataset.samples)
      throw RequestError(fmt::format(
          "train.samples = \"train\": {} has no test split, expected dataset.test", dataset.name));
    return 0;
  }
  if (dataset.train_samples != dataset.samples)
    throw RequestError(fmt::format("dataset.test = {}: {} has a test split of its own", *draws.test,
                                   dataset.name));
  const double share = std::rint(*draws.test * static_cast<double>(dataset.samples));
  if (share < 1 || share >= static_cast<double>(dataset.samples))
    throw RequestError(fmt::format(
        "dataset.test = {}: that is {} of {} samples, expected one at least, and one to train on",
        *draws.test, share, dataset.samples));
  return static_cast<std::size_t>(share);
}

Split split(const Dataset& dataset, const Draws& draws, LegacyRandom& random) {
  const std::size_t drawn_samples = drawn_test_samples(draws, dataset);
  std::vector<bool> is_test(dataset.samples);
  if (drawn_samples == 0) {
    std::fill(is_test.begin() + static_cast<std::ptrdiff_t>(dataset.train_samples), is_test.end(),
              true);
  } else {
    const auto drawn = random.permutation(dataset.samples);
    for (std::size_t i = 0; i < drawn_samples; ++i) is_test[drawn[i]] = true;
  }
  Split split;
  split.train.reserve(dataset.samples);
  for (std::uint32_t i = 0; i < dataset.samples; ++i)
    (is_test[i] ? split.test : split.train).push_back(i);
  return split;
}

}  // namespace gridrun
