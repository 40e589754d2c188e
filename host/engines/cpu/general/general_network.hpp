// Any network that docs/arithmetic.md defines, in SIMD: lanes are the units of a layer, whose
// weights lie input by input, so that forward, backward and update all run along rows. Equal to
// ReferenceNetwork in every bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "engines/cpu/general/general_statistics.hpp"
#include "engines/cpu/general/input_block.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"
#include "gridrun/progress.hpp"

namespace gridrun {

/// What the random words of rows of weights are kept in: of 16-bit words their highest halves,
/// which are enough for shifts of less than 16 places; the lowest lie apart, and only where needed.
template <class Word>
using NoiseWord = std::conditional_t<sizeof(Word) == 2, std::uint16_t, std::uint32_t>;

/// Random words of one step that networks share. Null where a network is to draw its own.
template <class Noise>
struct LayerNoise {
  const std::uint32_t* activation = nullptr;  // [unit]
  const std::uint32_t* error = nullptr;       // [unit]
  const Noise* gradient = nullptr;            // [place][unit], places as in InputList
  const Noise* master = nullptr;              //
  std::size_t low_halves = 0;                 // how far a row's lowest halves are from its highest
};
template <class Word>
using StepNoise = std::vector<LayerNoise<NoiseWord<Word>>>;  // [layer]

/// A sample to train on.
template <class Word>
struct LabelledInputs {
  InputList<Word> inputs;
  std::uint32_t label;
};

/// One network in training. `Word` holds its weights, inputs, activations and errors.
template <class Word>
class GeneralNetwork {
 public:
  virtual ~GeneralNetwork() = default;

  /// Trains on the next samples, and updates the weights whenever a batch is full. `noise` has the
  /// random words of each step, or nothing. Sets right[first], right[first + 1] ... where a step
  /// was right. Throws Interrupted soon after the progress is stopped.
  virtual void train(std::span<const LabelledInputs<Word>> samples,
                     std::span<const StepNoise<Word>> noise, std::size_t first, Bits& right,
                     const Progress& progress) = 0;

  /// The class that the network gives a sample in the held-out pass.
  virtual std::size_t classify(const InputList<Word>& inputs) = 0;

  /// The master weights.
  virtual Weights weights() const = 0;
  virtual std::uint64_t weights_digest() const = 0;

  virtual const std::vector<LayerSums>& sums() const = 0;

  /// [layer], but for what StartDiagnostics counts; none where the network was not made to count.
  virtual std::vector<LayerDiagnostics> diagnostics() const = 0;
  virtual GeneralStatistics statistics() const = 0;
};

/// A network that starts from `weights`, biases left out. Words of 16 and 32 bits are for networks
/// that fit them: words.hpp.
std::unique_ptr<GeneralNetwork<std::int16_t>> make_network_16(const NetworkSpec& spec,
                                                              const Weights& weights);
std::unique_ptr<GeneralNetwork<std::int32_t>> make_network_32(const NetworkSpec& spec,
                                                              const Weights& weights);
std::unique_ptr<GeneralNetwork<std::int32_t>> make_guarded_network(const NetworkSpec& spec,
                                                                   const Weights& weights);
std::unique_ptr<GeneralNetwork<std::int64_t>> make_network_64(const NetworkSpec& spec,
                                                              const Weights& weights);

/// The same for networks that count. Their words are those of diagnosed_words_for.
std::unique_ptr<GeneralNetwork<std::int16_t>> make_diagnosed_network_16(const NetworkSpec& spec,
                                                                        const Weights& weights);
std::unique_ptr<GeneralNetwork<std::int32_t>> make_diagnosed_network_32(const NetworkSpec& spec,
                                                                        const Weights& weights);
std::unique_ptr<GeneralNetwork<std::int32_t>> make_diagnosed_guarded_network(
    const NetworkSpec& spec, const Weights& weights);
std::unique_ptr<GeneralNetwork<std::int64_t>> make_diagnosed_network_64(const NetworkSpec& spec,
                                                                        const Weights& weights);

}  // namespace gridrun
