#include "engines/cpu/general/same_as_reference.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <optional>

#include "data/largest_input.hpp"
#include "engines/reference/reference_network.hpp"
#include "gridrun/count_value.hpp"
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
  std::vector<LayerDiagnostics> diagnostics;  // of networks that count
  GeneralStatistics statistics;               // of the engine alone
};

/// Of what networks leave to be counted before the first step, the weights and their copies.
std::vector<LayerDiagnostics> start_of(const RandomNetwork& given) {
  const Format &master = given.spec.formats.master, &weight = given.spec.formats.weight;
  const int n = master.fraction - weight.fraction;
  std::vector<LayerDiagnostics> start(given.spec.layers());
  for (std::size_t layer = 0; layer < start.size(); ++layer)
    for (const std::int64_t w : given.weights[layer]) {
      count_value(start[layer].of(Tensor::master), w, master);
      if (weight == master) continue;
      count_value(start[layer].of(Tensor::weight), n > 0 ? round_shift(w, n, weight.round, 0) : w,
                  weight, std::max(0, -n));
    }
  return start;
}

Trained by_reference(const RandomNetwork& given) {
  ReferenceNetwork network(given.spec, given.weights, start_of(given));
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
  trained.diagnostics = network.diagnostics();
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
  trained.diagnostics = network.diagnostics();
  const std::vector<LayerDiagnostics> start = start_of(given);
  for (std::size_t layer = 0; layer < trained.diagnostics.size(); ++layer)
    trained.diagnostics[layer].add(start[layer]);
  trained.statistics = network.statistics();
  return trained;
}

/// The same by a network that counts, if there is one of these words.
std::optional<Trained> by_diagnosed(const RandomNetwork& given, WordSize words) {
  const Format &weight = given.spec.formats.weight, &master = given.spec.formats.master;
  if (words == WordSize::bits_16 && std::abs(master.fraction - weight.fraction) < 16)
    return by_general(given, *make_diagnosed_network_16(given.spec, given.weights));
  if (words == WordSize::bits_32)
    return by_general(given, *make_diagnosed_network_32(given.spec, given.weights));
  if (words == WordSize::guarded_32)
    return by_general(given, *make_diagnosed_guarded_network(given.spec, given.weights));
  if (words == WordSize::bits_64)
    return by_general(given, *make_diagnosed_network_64(given.spec, given.weights));
  return std::nullopt;
}

}  // namespace

WordSize words_of(const RandomNetwork& given) {
  return words_for(given.spec,
                   largest_word_of(largest_input(given.dataset), given.spec.formats.input));
}

std::vector<LayerDiagnostics> reference_diagnostics(const RandomNetwork& given) {
  return by_reference(given).diagnostics;
}

int step_shift(const NetworkSpec& spec) {
  return spec.formats.gradient.fraction + spec.lr - spec.formats.master.fraction;
}

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
    EXPECT_TRUE(trained.diagnostics.empty());
    if (const std::optional<Trained> counting = by_diagnosed(given, words)) {
      const std::string where = given.description + ", diagnosed, " + hwy::TargetName(target);
      EXPECT_EQ(counting->right, expected.right) << where;
      EXPECT_EQ(counting->held_out, expected.held_out) << where;
      EXPECT_EQ(counting->weights, expected.weights) << where;
      EXPECT_TRUE(counting->sums == expected.sums) << where;
      EXPECT_TRUE(counting->diagnostics == expected.diagnostics) << where;
      EXPECT_EQ(trained.statistics.counted_in_range + trained.statistics.counted_any, 0U);
      trained.statistics.counted_in_range = counting->statistics.counted_in_range;
      trained.statistics.counted_any = counting->statistics.counted_any;
      EXPECT_EQ(trained.statistics.weight_counts, 0U);
      trained.statistics.weight_counts = counting->statistics.weight_counts;
    }
    if (!statistics) statistics = trained.statistics;
    // Parts of layers that are counted at once depend on the vectors' lengths.
    trained.statistics.counted_in_range = statistics->counted_in_range;
    trained.statistics.counted_any = statistics->counted_any;
    trained.statistics.weight_counts = statistics->weight_counts;
    EXPECT_TRUE(trained.statistics == *statistics);
  }
  return *statistics;
}

}  // namespace gridrun
