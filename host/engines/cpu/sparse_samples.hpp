// The samples that a sweep trains on, without their zeros, in the order that it trains on them.
//
// Inputs of equal value are kept together, because they share their product with a neuron's error
// and their weights can be summed before they are multiplied.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/study_sweep.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// The non-zero inputs of one sample, in chunks of rows with the same value. A chunk is the words
/// `value row...`: the value's index in SparseSamples::values, counted from `first_value`, and for
/// each input k the offset k * group_lanes into weights laid out [input][lane].
struct SparseSample {
  /// Chunks of 4, of 2 and of 1 row with positive values, then the same three with negative ones.
  const std::uint32_t* chunks;
  std::array<std::array<std::uint32_t, 3>, 2> counts;
  std::uint32_t label;
  /// While every |d| is at most this, the sum of |u| over the sample fits 31 bits.
  std::uint32_t error_limit;
  std::size_t first_value;
};

class SparseSamples {
 public:
  /// The min(iterations, samples) samples that the sweep uses, gathered by up to `threads` threads.
  SparseSamples(const StudySweep& sweep, unsigned threads);

  /// The sample of a step.
  const SparseSample* of_step(std::uint64_t step) const {
    return &samples_[step % samples_.size()];
  }

  /// The sample of the next step.
  const SparseSample* after(const SparseSample* sample) const {
    return sample == &samples_.back() ? &samples_.front() : sample + 1;
  }

  std::size_t size() const { return samples_.size(); }

  /// The words of all chunks.
  std::size_t words() const { return words_; }

  /// Inputs, reals: each distinct one once where they are few, else one a run of equals.
  const std::vector<double>& values() const { return values_; }

  /// The smallest b >= 0 with every |input| <= 2^b.
  int input_bits() const { return input_bits_; }

 private:
  std::vector<std::vector<std::uint32_t>> blocks_;  // chunks of some successive samples each
  std::vector<SparseSample> samples_;
  std::vector<double> values_;
  std::size_t words_ = 0;
  int input_bits_ = 0;
};

}  // namespace gridrun
