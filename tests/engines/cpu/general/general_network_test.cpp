#include "engines/cpu/general/general_network.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>

#include "engines/cpu/general/words.hpp"
#include "engines/reference/reference_network.hpp"
#include "random_network.hpp"
#include "simd_targets.hpp"

namespace gridrun {
namespace {

/// All that is to be equal.
struct Trained {
  std::vector<bool> right;
  std::vector<std::size_t> held_out;
  Weights weights;
  std::uint64_t digest = 0;
  std::vector<LayerSums> sums;
  GeneralStatistics statistics;  // of the engine alone
};

Trained by_reference(const RandomNetwork& given) {
  ReferenceNetwork network(given.spec, given.weights);
  std::vector<std::vector<double>> samples(given.dataset.samples);
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::size_t k = 0; k < given.dataset.inputs; ++k)
      samples[i].push_back(given.dataset.input(i, k));
  Trained trained;
  for (std::uint32_t i = 0; i < given.iterations; ++i) {
    const std::size_t sample = i % samples.size();
    trained.right.push_back(network.train(samples[sample], given.dataset.labels[sample]));
  }
  for (const auto& sample : samples) trained.held_out.push_back(network.classify(sample));
  trained.weights = network.weights();
  trained.digest = network.weights_digest();
  trained.sums = network.sums();
  return trained;
}

template <class Word>
Trained by_general(const RandomNetwork& given, GeneralNetwork<Word>& network) {
  std::vector<std::uint32_t> all(given.dataset.samples);
  std::iota(all.begin(), all.end(), 0U);
  StoredBlock stored;
  stored.read(given.dataset, all);
  InputBlock<Word> inputs;
  inputs.quantise(stored, given.dataset, given.spec.formats.input, given.spec.bias);
  std::vector<LabelledInputs<Word>> samples;
  for (std::uint32_t i = 0; i < given.iterations; ++i) {
    const std::size_t sample = i % all.size();
    samples.push_back({inputs.sample(sample), given.dataset.labels[sample]});
  }
  Bits right(given.iterations);
  network.train(samples, {}, 0, right, Progress());
  Trained trained;
  for (std::uint32_t i = 0; i < given.iterations; ++i) trained.right.push_back(right[i]);
  for (const std::uint32_t sample : all)
    trained.held_out.push_back(network.classify(inputs.sample(sample)));
  trained.weights = network.weights();
  trained.digest = network.weights_digest();
  trained.sums = network.sums();
  trained.statistics = network.statistics();
  return trained;
}

WordSize words_of(const RandomNetwork& given) {
  return words_for(given.spec,
                   largest_word_of(largest_real(given.dataset), given.spec.formats.input));
}

/// Places that u is shifted right by.
int step_shift(const NetworkSpec& spec) {
  return spec.formats.gradient.fraction + spec.lr - spec.formats.master.fraction;
}

/// On every SIMD target. Returns how the network was trained, the same everywhere.
GeneralStatistics expect_same_as_reference(const RandomNetwork& given, WordSize words) {
  std::optional<GeneralStatistics> statistics;
  const Trained expected = by_reference(given);
  for (const std::int64_t target : simd_targets()) {
    const OnlyTarget only(target);
    Trained trained;
    if (words == WordSize::bits_16)
      trained = by_general(given, *make_network_16(given.spec, given.weights));
    else if (words == WordSize::bits_32)
      trained = by_general(given, *make_network_32(given.spec, given.weights));
    else if (words == WordSize::guarded_32)
      trained = by_general(given, *make_guarded_network(given.spec, given.weights));
    else
      trained = by_general(given, *make_network_64(given.spec, given.weights));
    EXPECT_EQ(trained.right, expected.right) << given.description << hwy::TargetName(target);
    EXPECT_EQ(trained.held_out, expected.held_out) << given.description << hwy::TargetName(target);
    EXPECT_EQ(trained.weights, expected.weights) << given.description << hwy::TargetName(target);
    EXPECT_EQ(trained.digest, expected.digest) << given.description << hwy::TargetName(target);
    EXPECT_TRUE(trained.sums == expected.sums) << given.description << hwy::TargetName(target);
    if (!statistics) statistics = trained.statistics;
    EXPECT_TRUE(trained.statistics == *statistics);
  }
  return *statistics;
}

TEST(GeneralNetwork, TrainsAsTheReferenceDoesInEveryWay) {
  GeneralStatistics ways;
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
      ways += expect_same_as_reference(given, words_of(given));
      if (HasFailure()) return;
    }
  EXPECT_GT(ways.networks_16, 100U);
  EXPECT_GT(ways.networks_32, 100U);
  EXPECT_GT(ways.networks_64, 100U);
  for (const std::uint64_t count :
       {ways.far_steps, ways.whole_sums, ways.split_sums, ways.wide_sums, ways.short_errors,
        ways.wide_errors, ways.middle_updates, ways.wide_updates, ways.weight_scans,
        ways.left_32_bits, ways.matrix_sums, ways.sparse_sums, ways.single_sums, ways.matrix_errors,
        ways.single_errors, ways.matrix_updates, ways.wide_batch_updates}) {
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

constexpr Round deterministic_rounds[] = {Round::floor,        Round::toward_zero,
                                          Round::nearest_up,   Round::nearest_down,
                                          Round::nearest_even, Round::nearest_away};

/// One layer of 16-bit words without weights at first: then d is 2^14 in the label's unit and u is
/// x 2^14 / 2^to_gradient.
RandomNetwork edge_network(Round of_gradient, Round of_master, int to_gradient, int to_step,
                           std::uint32_t batch) {
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  const auto format = [](int fraction, Round round) {
    return Format{16, fraction, round, Overflow::saturate, 32};
  };
  formats.input = format(14, Round::nearest_even);
  formats.activation = formats.error = format(14, Round::nearest_even);
  formats.gradient = format(28 - to_gradient, of_gradient);
  formats.master = formats.weight = format(9, of_master);
  spec.lr = to_step + formats.master.fraction - formats.gradient.fraction;
  spec.units = {12, 3};
  spec.output_activation = Activation::linear;
  spec.batch = batch;
  network.weights = {std::vector<std::int64_t>(36)};
  Dataset& dataset = network.dataset;
  dataset.samples = dataset.train_samples = 4;
  dataset.inputs = 12;
  dataset.classes = 3;
  dataset.scale = 1 << 14;
  std::vector<double> words;
  for (const int sign : {-1, 1})
    for (const int word : {1 << 14, (1 << 14) - 1, (1 << 14) + 1, 32767, 1 << 13, 1})
      words.push_back(sign * word);
  std::vector<double> values;
  for (int i = 0; i < 4; ++i) values.insert(values.end(), words.begin(), words.end());
  dataset.values = values;
  dataset.labels = {0, 0, 2, 1};
  network.iterations = 12;
  network.description = fmt::format(
      "gradient rounded by {} after {} places, weights by {} after {}, batches of {}",
      static_cast<int>(of_gradient), to_gradient, static_cast<int>(of_master), to_step, batch);
  return network;
}

TEST(GeneralNetwork, StepsAsTheReferenceDoesFromTheLeastUpdates) {
  std::uint64_t far_steps = 0;
  for (const Round of_master : deterministic_rounds)
    for (const Round of_gradient : {of_master, Round::stochastic})
      for (const int to_step : {1, 14, 15, 16, 17, 31, 32, 47, 63})
        for (const std::uint32_t batch : {1U, 2U}) {
          // The least u is -32768, exactly or saturated.
          const RandomNetwork given = edge_network(of_gradient, of_master, 13, to_step, batch);
          ASSERT_EQ(words_of(given), WordSize::bits_16) << given.description;
          far_steps += expect_same_as_reference(given, WordSize::bits_16).far_steps;
          if (HasFailure()) return;
        }
  EXPECT_GT(far_steps, 1000U);
}

}  // namespace
}  // namespace gridrun
