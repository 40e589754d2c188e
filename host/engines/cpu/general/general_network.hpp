// Any network that docs/arithmetic.md defines, in SIMD: lanes are the units of a layer, whose
// weights lie input by input, so that forward, backward and update all run along rows. Equal to
// ReferenceNetwork in every bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engines/cpu/general/input_block.hpp"
#include "gridrun/arithmetic.hpp"
#include "gridrun/network_spec.hpp"

namespace gridrun {

/// A layer's exact sums over all steps.
struct GeneralSums {
  WideSum abs_update = 0;  // of |u|
  WideSum dropped = 0;     // of what the learning rate dropped of u
};

/// One network in training. `Word` holds its weights, inputs, activations and errors.
template <class Word>
class GeneralNetwork {
 public:
  virtual ~GeneralNetwork() = default;

  /// Takes the next sample into the batch, and updates the weights once the batch is full. Returns
  /// whether the step was right.
  virtual bool train(const InputList<Word>& inputs, std::uint32_t label) = 0;

  /// The class that the network gives a sample in the held-out pass.
  virtual std::size_t classify(const InputList<Word>& inputs) = 0;

  /// w of a layer, [unit][input], the bias last.
  virtual std::vector<std::int64_t> weights(std::size_t layer) const = 0;

  virtual const std::vector<GeneralSums>& sums() const = 0;
};

/// The start of a network, with weights [layer][unit][input], words of the format `master`, biases
/// left out.
using LayerWeights = std::vector<std::span<const std::int64_t>>;

/// For networks whose words fit: words.hpp.
std::unique_ptr<GeneralNetwork<std::int16_t>> make_network_16(const NetworkSpec& spec,
                                                              const LayerWeights& weights);
std::unique_ptr<GeneralNetwork<std::int64_t>> make_network_64(const NetworkSpec& spec,
                                                              const LayerWeights& weights);

}  // namespace gridrun
