// The samples of some successive steps, without their zeros: read once for all networks, and made
// words once for all networks of one input format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engines/cpu/general/ends.hpp"
#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"

namespace gridrun {

/// Inputs begin ... end - 1 of a list, all of one x and at successive places.
struct Stretch {
  std::uint32_t begin, end;
};

/// Inputs of one sample that are not zero. After the last comes one more with x = 0, so that they
/// may be taken in pairs.
template <class Word>
struct InputList {
  const std::uint32_t* index;  // rows of the layer's weights
  const std::uint32_t* place;  // rows of random words that are shared: shared_noise.hpp
  const Word* x;
  std::size_t count;
  Ends ends;
  std::uint64_t sum;                     // of |x|; for words of 64 bits modulo 2^64
  std::span<const Stretch> stretches{};  // some, of at least least_stretch inputs, by rising begin
};
/// Inputs of one x that are worth to be taken together.
constexpr std::uint32_t least_stretch = 4;

/// Samples as they are stored: bytes where the data set has bytes, else reals. A sample's bytes
/// rise, so that equal ones are neighbours.
struct StoredBlock {
  std::vector<std::size_t> begin;     // [sample + 1], of its inputs in the vectors below
  std::vector<std::uint32_t> index;   //
  std::vector<std::uint8_t> bytes;    // stored values, or
  std::vector<double> reals;          // stored values / scale
  std::vector<std::uint32_t> labels;  // [sample]
  // Of bytes, where each sample's equal ones end, counted from its first; sample i has ends
  // first_end[i] ... first_end[i + 1] - 1.
  std::vector<std::uint32_t> ends;
  std::vector<std::size_t> first_end;

  std::size_t samples() const { return labels.size(); }
  /// Where a sample's rows of shared random words begin: one for each input here, and one for a
  /// bias.
  std::size_t first_place(std::size_t sample, bool bias) const {
    return begin[sample] + (bias ? sample : 0);
  }

  /// Takes in these samples of a data set in place of what was there.
  void read(const Dataset& dataset, std::span<const std::uint32_t> samples);

 private:
  void sort_bytes(std::size_t first);

  std::vector<std::uint32_t> sorted_index_;  // of one sample
  std::vector<std::uint8_t> sorted_bytes_;   //
};

/// A block in words of an input format.
template <class Word>
class InputBlock {
 public:
  /// Takes in a block in place of what was there. With `bias` each sample has one more input. All
  /// words must fit `Word`.
  void quantise(const StoredBlock& stored, const Dataset& dataset, const Format& format, bool bias);

  InputList<Word> sample(std::size_t i) const {
    const Sample& sample = samples_[i];
    return {&index_[sample.begin],
            &place_[sample.begin],
            &x_[sample.begin],
            sample.count,
            sample.ends,
            sample.sum,
            std::span(stretches_).subspan(sample.first_stretch, sample.stretches)};
  }

 private:
  struct Sample {
    std::size_t begin, count;
    Ends ends;
    std::uint64_t sum;
    std::size_t first_stretch, stretches;
  };

  void add_bytes(const StoredBlock& stored, std::size_t i, std::span<const Word, 256> words,
                 std::uint32_t place, Sample& sample);

  std::vector<Sample> samples_;
  std::vector<std::uint32_t> index_, place_;
  std::vector<Word> x_;
  std::vector<Stretch> stretches_;
};

/// The largest |x| that reals of at most `largest` may have in a format.
std::uint64_t largest_word_of(double largest, const Format& format);

}  // namespace gridrun
