// Host and device: what to run. A Sweep is a configuration file, checked and complete.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/key_value.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/tensor.hpp"

namespace gridrun {

/// What is said of a format; the rest is as for all tensors, or the default.
struct PartialFormat {
  std::optional<int> bits;
  std::optional<int> fraction;
  std::optional<int> integer;  // bits before the binary point, the sign counted
  std::optional<Round> round;
  std::optional<Overflow> overflow;
  std::optional<int> random_bits;

  bool empty() const { return *this == PartialFormat{}; }
  friend bool operator==(const PartialFormat&, const PartialFormat&) = default;
};

/// One dimension of a grid: what it is the values of, and these, each different.
struct Axis {
  std::string name;  // lr | fraction, of precision.fraction | bits, of precision.bits | a key
  std::vector<KeyValue> values;

  friend bool operator==(const Axis&, const Axis&) = default;
};

/// How a CSV file is laid out. What is not said is inferred from its first lines.
struct CsvLayout {
  std::optional<bool> header;     // whether the first line is one
  std::optional<char> delimiter;  // between fields; a space stands for any number of them
  std::optional<KeyValue> label;  // the label's column: its number, from 1, or its name
};

/// What is done with the inputs of each column. docs/arithmetic.md, part 6.
enum class Normalise : std::uint8_t { none, minmax, standard };

/// What the answers compare networks by. docs/arithmetic.md, part 8.
enum class Metric : std::uint8_t { accuracy, recent_accuracy, test_accuracy };

/// In every key that is an axis it has the value of one cell: at first, of the first.
struct Sweep {
  struct {
    std::string name;                           // digits | mnist | idx | csv | npz
    std::string path;                           // directory of IDX files, a CSV or an NPZ file
    CsvLayout csv;                              // of a CSV file
    SampleOrder order = SampleOrder::by_label;  //
    double scale = 1.0;                         // stored value / scale = input
    Normalise normalise = Normalise::none;      //
    std::optional<double> test;                 // share of the samples that becomes the test split
  } dataset;
  struct {
    std::vector<std::uint32_t> layers;  // inputs, then units; empty: one layer, as the data have it
    Activation activation = Activation::relu;
    std::optional<Activation> output_activation;  // none: as `activation`
    int leak = 6;
    bool bias = false;
  } network;
  struct {
    PartialFormat all;
    std::array<PartialFormat, tensor_count> tensor;
  } precision;
  InitialWeights init;
  struct {
    std::uint32_t iterations = 10'000;
    std::uint32_t seed = 0xdeadbeec;
    DrawOrder draw_order = DrawOrder::shuffle_then_weights;
    std::uint32_t batch = 1;                     // samples an update; divides `iterations`
    std::optional<std::uint32_t> rounding_seed;  // none: `seed`
    TrainSamples samples = TrainSamples::all;
  } train;
  int lr = 0;              // of the learning rate 2^-lr, min_lr ... max_lr
  std::vector<Axis> axes;  // of the grid, from the slowest to the fastest; one of them is lr
  struct {
    std::uint32_t smooth_window = 1001;  // steps, odd
    std::uint32_t polyorder = 2;
    std::optional<Metric>
        metric;                // none: test_accuracy if samples are held out, or recent_accuracy
    double tolerance = 0.02;   // accuracies that differ by no more count as equal in the answers
    bool curves = false;       // write curves.npz
    bool weights = false;      // write weights.npz
    bool diagnostics = false;  // count what tells why a network learned or not
    bool baseline = false;     // train each network in binary64 as well
  } report;
};

inline constexpr int min_lr = -16;
inline constexpr int max_lr = 62;
inline constexpr int max_fraction = 52;
inline constexpr int min_bits = 2;
inline constexpr int max_bits = 64;

}  // namespace gridrun
