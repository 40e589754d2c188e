// The samples of some successive steps, without their zeros: read once for all networks, and made
// words once for all networks of one input format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"

namespace gridrun {

/// Inputs of one sample that are not zero, by rising index. The list may be read up to
/// `list_padding` entries beyond its end, where x is 0 or another sample's.
template <class Word>
struct InputList {
  const std::uint32_t* index;  // rows of the layer's weights
  const Word* x;
  std::size_t count;
};
inline constexpr std::size_t list_padding = 16;

/// Samples as they are stored: bytes where the data set has bytes, else reals.
struct StoredBlock {
  std::vector<std::size_t> begin;     // [sample + 1], of its inputs in the vectors below
  std::vector<std::uint32_t> index;   //
  std::vector<std::uint8_t> bytes;    // stored values, or
  std::vector<double> reals;          // stored values / scale
  std::vector<std::uint32_t> labels;  // [sample]

  std::size_t samples() const { return labels.size(); }

  /// Takes in these samples of a data set in place of what was there.
  void read(const Dataset& dataset, std::span<const std::uint32_t> samples);
};

/// A block in words of an input format.
template <class Word>
class InputBlock {
 public:
  /// Takes in a block in place of what was there. With `bias` each sample has one more input. All
  /// words must fit `Word`.
  void quantise(const StoredBlock& stored, const Dataset& dataset, const Format& format, bool bias);

  InputList<Word> sample(std::size_t i) const {
    return {index_.data() + begin_[i], x_.data() + begin_[i], begin_[i + 1] - begin_[i]};
  }

 private:
  std::vector<std::size_t> begin_;
  std::vector<std::uint32_t> index_;
  std::vector<Word> x_;
};

/// The largest |real| among the inputs of a data set, or a bound of it.
double largest_real(const Dataset& dataset);

/// The largest |x| that reals of at most `largest` may have in a format.
std::uint64_t largest_word_of(double largest, const Format& format);

}  // namespace gridrun
