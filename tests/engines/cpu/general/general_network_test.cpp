#include "engines/cpu/general/general_network.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engines/cpu/general/same_as_reference.hpp"

namespace gridrun {
namespace {

TEST(GeneralNetwork, TrainsAsTheReferenceDoesInEveryWay) {
  GeneralStatistics ways, in_32_bits;
  for (const RandomBits bits : {RandomBits{2, 12},
                                {8, 16},
                                {15, 16},
                                {16, 16},
                                {2, 24},
                                {16, 32},
                                {2, 64},
                                {31, 33},
                                {63, 64}})
    for (std::uint32_t seed = 0; seed < 400; ++seed) {
      const RandomNetwork given = random_network(seed, bits);
      const WordSize words = words_of(given);
      const GeneralStatistics way = expect_same_as_reference(given, words);
      ways += way;
      if (words == WordSize::bits_32 || words == WordSize::guarded_32) in_32_bits += way;
      if (HasFailure()) return;
    }
  EXPECT_GT(in_32_bits.counted_in_range, 1000U);
  EXPECT_GT(in_32_bits.counted_any, 500U);
  EXPECT_GT(ways.networks_16, 100U);
  EXPECT_GT(ways.networks_32, 100U);
  EXPECT_GT(ways.networks_64, 100U);
  EXPECT_GT(ways.counted_in_range, 1000U);
  EXPECT_GT(ways.counted_any, 1000U);
  for (const std::uint64_t count :
       {ways.far_updates,       ways.far_steps,       ways.stretches,     ways.whole_sums,
        ways.split_sums,        ways.pair_sums,       ways.wide_sums,     ways.short_errors,
        ways.wide_errors,       ways.middle_updates,  ways.wide_updates,  ways.weight_scans,
        ways.left_32_bits,      ways.bounded_updates, ways.matrix_sums,   ways.sparse_sums,
        ways.single_sums,       ways.matrix_errors,   ways.single_errors, ways.matrix_updates,
        ways.wide_batch_updates}) {
    EXPECT_GT(count, 15U);
  }
}

TEST(GeneralNetwork, IsTheSameInWiderWords) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    const RandomNetwork given = random_network(seed, {2, 24});
    if (words_of(given) == WordSize::bits_16 && step_shift(given.spec) < 32)
      expect_same_as_reference(given, WordSize::bits_32);
    expect_same_as_reference(given, WordSize::bits_64);
    if (HasFailure()) return;
  }
}

/// So many weights and steps that highest halves of random words equal those of thresholds some
/// dozens of times. Inputs as bytes are in stretches, as reals they are not.
RandomNetwork many_draws(bool as_bytes, std::uint32_t batch) {
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  const Format format = {16, 20, Round::stochastic, Overflow::saturate};  // u's shift is lr, P's 20
  formats.master = formats.weight = formats.activation = formats.error = formats.gradient = format;
  formats.input = {16, 20, Round::nearest_even, Overflow::saturate};
  spec.lr = 18;
  spec.units = {400, 16};
  spec.output_activation = Activation::linear;
  spec.batch = batch;
  spec.rounding_seed = 7;
  for (int i = 0; i < 400 * 16; ++i) {
    if (i == 0) network.weights.emplace_back();
    network.weights.front().push_back(i * 7919 % 20001 - 10000);
  }
  Dataset& dataset = network.dataset;
  dataset.samples = dataset.train_samples = 4;
  dataset.inputs = 400;
  dataset.classes = 16;
  dataset.scale = 255;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < dataset.samples * dataset.inputs; ++i)
    bytes.push_back(static_cast<std::uint8_t>(1 + i % 4));
  if (as_bytes)
    dataset.values = bytes;
  else
    dataset.values = std::vector<double>(bytes.begin(), bytes.end());
  dataset.labels = {3, 1, 15, 8};
  network.iterations = 240;
  network.description = fmt::format("many draws, {} a batch, ", batch);
  return network;
}

TEST(GeneralNetwork, LooksAtWholeRandomWordsWhereTheirHighestHalvesDoNotTell) {
  for (const bool as_bytes : {true, false})
    for (const std::uint32_t batch : {1, 2}) {
      const RandomNetwork given = many_draws(as_bytes, batch);
      ASSERT_EQ(words_of(given), WordSize::bits_16);
      const GeneralStatistics ways = expect_same_as_reference(given, WordSize::bits_16);
      EXPECT_EQ(ways.stretches > 0, as_bytes && batch == 1);
      EXPECT_EQ(ways.far_updates, given.iterations / batch);
    }
}

TEST(GeneralNetwork, LooksForWordsAnewAfterABatchInWideLanes) {
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  formats.input = formats.error = {16, 15, Round::floor, Overflow::saturate};
  formats.activation = {16, 15, Round::toward_zero, Overflow::wrap};  // 1 is -2^15
  formats.gradient = {16, 13, Round::floor, Overflow::wrap};
  formats.master = formats.weight = {16, 34, Round::floor, Overflow::wrap};  // activations are 0
  spec.lr = 22;                                                              // a step is P / 2^18
  spec.output_activation = Activation::linear;
  spec.batch = 2;
  spec.units = {1, 2};
  network.weights = {{24000, 24000}};
  Dataset& dataset = network.dataset;
  dataset.samples = dataset.train_samples = 6;
  dataset.inputs = 1;
  dataset.classes = 2;
  dataset.scale = 0x1p15;
  // Steps of 4, of 2^13, whose P is too large for 32 bits, and of 2^12, which overflows.
  dataset.values = std::vector<double>{-16, -16, -0x1p15, -0x1p15, -0x1p14, -0x1p14};
  dataset.labels = std::vector<std::uint32_t>(6, 0);
  network.iterations = 6;
  ASSERT_EQ(words_of(network), WordSize::bits_16);
  const GeneralStatistics ways = expect_same_as_reference(network, WordSize::bits_16);
  EXPECT_EQ(ways.wide_batch_updates, 1U);
  EXPECT_EQ(ways.matrix_updates, 2U);
  EXPECT_EQ(reference_diagnostics(network).front().of(Tensor::master).overflowed, 1U);
}

}  // namespace
}  // namespace gridrun
