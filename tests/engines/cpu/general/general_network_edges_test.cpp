// Networks at the edges of shifts and words.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "engines/cpu/general/same_as_reference.hpp"

namespace gridrun {
namespace {

constexpr Round all_rounds[] = {Round::floor,        Round::toward_zero,  Round::nearest_up,
                                Round::nearest_down, Round::nearest_even, Round::nearest_away,
                                Round::stochastic};

/// Samples of an update, the largest of their |x|, and whether each x is there several times.
struct EdgeBatch {
  std::uint32_t samples;
  int largest;
  bool repeats = false;
};

/// One layer of 16-bit words, without weights at first, for then d is -32768 in the label's unit: P
/// and u reach the ends of their ranges, and ties between quotients of any shift.
RandomNetwork edge_network(Round of_gradient, Round of_master, int to_update, int to_step,
                           EdgeBatch batch) {
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  formats.input = formats.error = {16, 15, Round::nearest_even, Overflow::saturate};
  formats.activation = {16, 15, Round::nearest_even, Overflow::wrap};  // 1 is -32768
  formats.gradient = {16, 30 - to_update, of_gradient, Overflow::saturate};
  formats.master = {16, 9, of_master, Overflow::saturate};
  constexpr int random_bits[] = {32, 16, 8, 1, 31, 17};
  formats.gradient.random_bits = formats.master.random_bits =
      random_bits[static_cast<std::size_t>(to_update + to_step) % std::size(random_bits)];
  formats.weight = formats.master;
  spec.lr = to_step + formats.master.fraction - formats.gradient.fraction;
  spec.output_activation = Activation::linear;
  spec.batch = batch.samples;
  const std::vector<int> sizes = {1,     2,     3,     4,     6,     4096,  8191,  8192, 8193,
                                  12288, 16383, 16384, 16385, 24576, 32766, 32767, 32768};
  Dataset& dataset = network.dataset;
  dataset.samples = dataset.train_samples = 4;
  dataset.inputs = 2 * sizes.size();
  dataset.classes = 3;
  if (batch.repeats) {
    dataset.inputs = 40;
    dataset.scale = 128;
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < dataset.samples * dataset.inputs; ++i)
      bytes.push_back(std::array<std::uint8_t, 6>{1, 64, 96, 127, 128, 255}[i % 6]);
    dataset.values = bytes;
  } else {
    dataset.scale = 0x1p15;
    std::vector<double> words;
    for (std::size_t sample = 0; sample < dataset.samples; ++sample)
      for (const int sign : {-1, 1})
        for (const int size : sizes) words.push_back(size <= batch.largest ? sign * size : 0);
    dataset.values = words;
  }
  dataset.labels = {0, 0, 2, 1};
  spec.units = {static_cast<std::uint32_t>(dataset.inputs), dataset.classes};
  network.weights = {std::vector<std::int64_t>(dataset.inputs * dataset.classes)};
  network.iterations = 12;
  network.description =
      fmt::format("P rounded by {} after {} places, u by {} after {}, {} a batch, inputs to {}",
                  static_cast<int>(of_gradient), to_update, static_cast<int>(of_master), to_step,
                  batch.samples, batch.largest);
  return network;
}

TEST(GeneralNetwork, RoundsAsTheReferenceDoesAfterFarShifts) {
  GeneralStatistics ways;
  const auto expect_same = [&](const RandomNetwork& given) {
    ASSERT_EQ(words_of(given), WordSize::bits_16) << given.description;
    ways += expect_same_as_reference(given, WordSize::bits_16);
  };
  for (const Round round : all_rounds)
    for (const Round other : {round, Round::stochastic, Round::floor})
      // Sums of the second kind stay within 2^30, those of the third come within 2^29 of 2^31.
      for (const EdgeBatch batch : {EdgeBatch{1, 32768}, {1, 32767, true}, {2, 8192}, {2, 24576}}) {
        for (const int to_step : {1, 14, 15, 16, 17, 31, 32, 47, 63})
          expect_same(edge_network(other, round, 13, to_step, batch));  // u is -32768 and more
        for (const int to_update : {1, 14, 15, 16, 17, 18, 23, 28, 29, 30})
          for (const int to_step : {1, 3})
            expect_same(edge_network(round, other, to_update, to_step, batch));
        for (const int to_update : {16, 17, 30})
          for (const int to_step : {16, 17})
            expect_same(edge_network(round, round, to_update, to_step, batch));
        // Too far for lanes of 32 bits: half of a quotient's unit and the largest P make 2^31.
        const RandomNetwork farther = edge_network(round, round, 31, 1, batch);
        expect_same_as_reference(farther, words_of(farther));
        if (HasFailure()) return;
      }
  EXPECT_GT(ways.far_updates, 1000U);
  EXPECT_GT(ways.far_steps, 1000U);
  EXPECT_GT(ways.stretches, 1000U);
  EXPECT_GT(ways.matrix_updates, 1000U);
  EXPECT_GT(ways.wide_batch_updates, 100U);
}

/// Gives a network four samples of 40 inputs, stored * `scale`: size(i), less 1 or negative.
template <class Size>
void set_edge_samples(RandomNetwork& network, double scale, const Size& size) {
  Dataset& dataset = network.dataset;
  dataset.samples = dataset.train_samples = 4;
  dataset.inputs = 40;
  dataset.classes = 9;
  dataset.scale = scale;
  std::vector<double> inputs;
  for (std::size_t i = 0; i < dataset.samples * dataset.inputs; ++i)
    inputs.push_back(std::floor(i % 3 == 0 ? -size(i) : size(i) - 1));
  dataset.values = inputs;
  dataset.labels = {0, 8, 2, 0};
  network.spec.units = {static_cast<std::uint32_t>(dataset.inputs), dataset.classes};
}

/// One layer of 32-bit words that lie over their whole range, whose steps are up to `largest` of
/// it. One d is near -2^31, the others are near 0.
RandomNetwork edge_network_32(Format gradient, Format master, int largest) {
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  constexpr int to_update = 31, to_step = 1;
  formats.input = formats.error = {32, 31, Round::nearest_even, Overflow::saturate};
  formats.activation = {32, 31, Round::nearest_even, Overflow::wrap};  // 1 is -2^31
  gradient.fraction = 62 - to_update;
  master.fraction = 60;  // activations are less than 4 of 2^31
  formats.gradient = gradient;
  formats.master = formats.weight = master;
  if (master.round == Round::stochastic) formats.weight.round = Round::floor;
  spec.lr = to_step + master.fraction - gradient.fraction;
  spec.output_activation = Activation::linear;
  spec.rounding_seed = 3;
  set_edge_samples(network, 0x1p31, [&](std::size_t i) {
    return static_cast<double>(std::max(1, largest >> (i * 7 % 30)));
  });
  std::vector<std::int64_t>& weights = network.weights.emplace_back();
  for (std::uint64_t i = 0; i < network.dataset.inputs * network.dataset.classes; ++i)
    weights.push_back(overflowed(static_cast<std::int64_t>(i * 0x9E3779B97F4A7C15) >> 32,
                                 master.bits, master.overflow));
  network.iterations = 40;
  network.description = fmt::format(
      "u of {} bits rounded by {}, overflow {}, w of {} bits by {}, {}, inputs to {}",
      gradient.bits, static_cast<int>(gradient.round), static_cast<int>(gradient.overflow),
      master.bits, static_cast<int>(master.round), static_cast<int>(master.overflow), largest);
  return network;
}

TEST(GeneralNetwork, CountsAtTheEdgesOf32Bits) {
  GeneralStatistics ways;
  const Overflow wrap = Overflow::wrap, saturate = Overflow::saturate,
                 symmetric = Overflow::saturate_symmetric;
  for (const Round round : all_rounds)
    for (const Round other : {round, Round::stochastic, Round::floor})
      for (const Format& gradient : {Format{32, 0, round, wrap},
                                     {31, 0, round, wrap},
                                     {24, 0, round, wrap},
                                     {24, 0, round, symmetric}})
        for (const Format& master : {Format{32, 0, other, wrap},
                                     {31, 0, other, wrap},
                                     {31, 0, other, saturate},
                                     {30, 0, other, symmetric}})
          for (const int largest : {0x7fffffff, 1 << 29, 1 << 20}) {
            const RandomNetwork given = edge_network_32(gradient, master, largest);
            ASSERT_EQ(words_of(given), WordSize::bits_32) << given.description;
            ways += expect_same_as_reference(given, WordSize::bits_32);
            if (HasFailure()) return;
          }
  EXPECT_GT(ways.counted_any, 1000U);
  EXPECT_GT(ways.counted_in_range, 100U);
  EXPECT_GT(ways.wide_updates, 100U);
}

/// How far an update of 64-bit words shifts: d are up to 2^error, x up to 2^input, and P is shifted
/// by `update` and u by `step` places. Weights are 2^spare from the ends of their words at least.
struct Edge64 {
  int error, input, update, step, spare;
};

/// One layer of such words, of which one d is near its bound, the others are near 0.
RandomNetwork edge_network_64(Format gradient, Format master, const Edge64& edge) {
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  formats.input = {64, edge.input, Round::nearest_even, Overflow::saturate};
  formats.error = formats.activation = {64, edge.error, Round::nearest_even, Overflow::wrap};
  gradient.fraction = edge.error + edge.input - edge.update;
  master.fraction = 60 + edge.error - edge.input;  // activations are few of 2^error
  formats.gradient = gradient;
  formats.master = formats.weight = master;
  spec.lr = edge.step + master.fraction - gradient.fraction;
  spec.output_activation = Activation::linear;
  spec.rounding_seed = 3;
  set_edge_samples(network, std::ldexp(1.0, edge.input), [&](std::size_t i) {
    return std::ldexp(1.0, edge.input - static_cast<int>(i * 7 % 30));
  });
  std::vector<std::int64_t>& weights = network.weights.emplace_back();
  for (std::uint64_t i = 0; i < network.dataset.inputs * network.dataset.classes; ++i)
    weights.push_back(overflowed(
        static_cast<std::int64_t>(i * 0x9E3779B97F4A7C15) >> (64 - master.bits + edge.spare),
        master.bits, master.overflow));
  network.iterations = 40;
  network.description = fmt::format(
      "u of {} bits rounded by {}, overflow {}, w of {} bits by {}, {}, edge {} {} {} {} {}, ",
      gradient.bits, static_cast<int>(gradient.round), static_cast<int>(gradient.overflow),
      master.bits, static_cast<int>(master.round), static_cast<int>(master.overflow), edge.error,
      edge.input, edge.update, edge.step, edge.spare);
  return network;
}

TEST(GeneralNetwork, KnowsWhatIsBoundedAtTheEdgesOf64Bits) {
  std::uint64_t bounded = 0, weight_counts = 0, updates = 0;
  const Overflow wrap = Overflow::wrap, saturate = Overflow::saturate,
                 symmetric = Overflow::saturate_symmetric;
  for (const Round round : all_rounds)
    for (const Format& gradient :
         {Format{64, 0, round, wrap}, {40, 0, round, saturate}, {40, 0, round, symmetric}})
      for (const Format& master :
           {Format{64, 0, round, wrap}, {64, 0, round, saturate}, {40, 0, round, symmetric}})
        for (const Edge64& edge : {Edge64{30, 30, 20, 1, 4},
                                   {31, 31, 25, 20, 1},
                                   {30, 31, 30, 40, 3},
                                   {31, 30, 1, 1, 2},
                                   {45, 40, 40, 10, 4},
                                   {40, 50, 61, 20, 8},
                                   {62, 50, 62, 1, 1},
                                   {40, 20, 2, 61, 2},
                                   {20, 20, 12, 62, 2},
                                   {62, 1, 55, 5, 3}}) {
          const RandomNetwork given = edge_network_64(gradient, master, edge);
          const GeneralStatistics way = expect_same_as_reference(given, WordSize::bits_64);
          bounded += way.bounded_updates;
          weight_counts += way.weight_counts;
          updates += given.iterations;
          if (HasFailure()) return;
        }
  EXPECT_GT(bounded, updates / 4);
  EXPECT_LT(bounded, 3 * updates / 4);
  EXPECT_GT(weight_counts, bounded / 100);
  EXPECT_LT(weight_counts, bounded / 2);
}

/// Whichever is the last update, the weights that it makes are counted.
TEST(GeneralNetwork, CountsTheBitsOfGrowingWeights) {
  GeneralStatistics ways;
  for (std::uint32_t iterations = 1; iterations <= 12; ++iterations) {
    RandomNetwork given;
    NetworkSpec& spec = given.spec;
    const Format format{64, 20, Round::floor, Overflow::wrap};
    spec.formats = {format, format, format, format, format, format, format};
    spec.formats.input.round = Round::nearest_even;
    spec.units = {2, 2};
    spec.output_activation = Activation::linear;
    spec.lr = 3;  // from 0 to 1/2, by 1/8, 3/32, 9/128 ...
    given.dataset.samples = given.dataset.train_samples = 1;
    given.dataset.inputs = given.dataset.classes = 2;
    given.dataset.values = std::vector<double>{1, 1};
    given.dataset.labels = {0};
    given.weights = {{0, 0, 0, 0}};
    given.iterations = iterations;
    ways += expect_same_as_reference(given, WordSize::bits_64);
  }
  EXPECT_GT(ways.weight_counts, 0U);
  EXPECT_GT(ways.bounded_updates, ways.weight_counts);
}

}  // namespace
}  // namespace gridrun
