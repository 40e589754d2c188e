// Host and device: a sweep made ready to train, the same for every engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/arithmetic.hpp"
#include "gridrun/dataset.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// Everything an engine needs. All networks start from the same weights and see the same samples
/// in the same order: step i trains on sample order[i mod order.size()].
struct StagedSweep {
  const Dataset* dataset = nullptr;   // not owned; outlives the staged sweep
  std::vector<std::uint32_t> order;   // [samples], indices into the data set
  std::vector<std::int64_t> weights;  // [outputs][inputs], initial, in units of the last place
  std::vector<Network> networks;
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::uint32_t iterations = 0;
  Activation activation = Activation::relu;

  /// The stored sample that step i trains on.
  std::size_t sample_of_step(std::uint64_t i) const { return order[i % order.size()]; }
};

class Engine;

/// Draws the sample order and the initial weights, and checks that every number fits 64 bits.
/// Throws RequestError naming the configuration key that does not fit the data, and, before any of
/// it is taken, when there is not the memory for that and for the training on `engine`, if given.
StagedSweep stage(const Sweep& sweep, const Dataset& dataset, const Engine* engine = nullptr);

}  // namespace gridrun
