// Host and device: one resolved network, all that its training needs but the samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gridrun/arithmetic.hpp"
#include "gridrun/format.hpp"

namespace gridrun {

/// The format of each tensor of a network. docs/arithmetic.md, part 4.
struct TensorFormats {
  Format input;        // x; rounds nearest_even
  Format master;       // the weights that updates are added to
  Format weight;       // the weights that products use
  Format accumulator;  // finished sums: `bits` and `overflow` only
  Format activation;   // a, and the target
  Format error;        // d
  Format gradient;     // u, before the learning rate

  /// Whether products use copies of the weights, in a format of their own.
  bool has_copies() const { return weight != master; }

  friend bool operator==(const TensorFormats&, const TensorFormats&) = default;
};

/// What the numbers drawn for weights are in: units of the last place of the format `master`, or
/// reals.
enum class WeightUnit : std::uint8_t { lsb, real };

/// The spread of the weights of a layer: `std`, sqrt(2 / inputs) or sqrt(2 / (inputs + units)).
enum class WeightSpread : std::uint8_t { std, he, xavier };

/// The normal distribution that weights are drawn from.
struct InitialWeights {
  WeightUnit unit = WeightUnit::lsb;
  double mean = 0.0;
  WeightSpread spread = WeightSpread::std;
  double std = 500.0;

  friend bool operator==(const InitialWeights&, const InitialWeights&) = default;
};

/// The order of the samples before any shuffle.
enum class SampleOrder : std::uint8_t { as_stored, by_label };

/// Which draw comes first from the one generator; `weights` means that nothing is shuffled.
enum class DrawOrder : std::uint8_t { shuffle_then_weights, weights_then_shuffle, weights };

/// What is trained on: all samples, and none is held out, or the train split.
enum class TrainSamples : std::uint8_t { all, train };

/// What decides which samples a network sees, in which order, and which normals its weights are
/// made of. Networks of equal draws and layers are staged once.
struct Draws {
  std::uint32_t seed = 0;
  DrawOrder order = DrawOrder::shuffle_then_weights;
  SampleOrder samples_order = SampleOrder::by_label;
  TrainSamples samples = TrainSamples::all;
  std::optional<double> test;  // share of the samples that becomes the test split

  friend bool operator==(const Draws&, const Draws&) = default;
};

/// Numbers in the formats of the tensors, or in IEEE 754 binary64 (docs/arithmetic.md, part 10),
/// where `formats` says nothing but, by its master's fraction, what `WeightUnit::lsb` is.
enum class Arithmetic : std::uint8_t { fixed_point, binary64 };

struct NetworkSpec {
  Arithmetic arithmetic = Arithmetic::fixed_point;
  std::vector<std::uint32_t> units;  // inputs, then the units of each layer
  Activation activation = Activation::relu;
  Activation output_activation = Activation::relu;  // of the last layer
  int leak = 6;                                     // leaky_relu's slope is 2^-leak where z <= 0
  bool bias = false;                                // each layer has one more input, always one
  TensorFormats formats;
  InitialWeights init;
  int lr = 0;                       // the learning rate is 2^-lr
  std::uint32_t batch = 1;          // samples an update
  std::uint32_t rounding_seed = 0;  // of stochastic rounding
  std::uint32_t iterations = 0;     // steps, a multiple of `batch`
  Draws draws;

  std::size_t layers() const { return units.size() - 1; }
  Activation activation_of(std::size_t layer) const {
    return layer + 1 == layers() ? output_activation : activation;
  }
  /// Inputs of a layer, the bias not counted.
  std::size_t inputs_of(std::size_t layer) const { return units[layer]; }
  std::size_t units_of(std::size_t layer) const { return units[layer + 1]; }
  /// Weights of one unit of a layer, the bias counted.
  std::size_t row_length(std::size_t layer) const { return inputs_of(layer) + bias; }
  /// Weights of a layer, biases counted.
  std::size_t weights_of(std::size_t layer) const { return units_of(layer) * row_length(layer); }
  /// The format of a layer's inputs.
  const Format& input_format(std::size_t layer) const {
    return layer == 0 ? formats.input : formats.activation;
  }
};

/// The word that stands for 1, overflowed where the format cannot hold it.
GRIDRUN_HOST_DEVICE constexpr std::int64_t one_of(const Format& format) {
  return overflowed_left_shift(1, format.fraction, format.bits, format.overflow);
}

}  // namespace gridrun
