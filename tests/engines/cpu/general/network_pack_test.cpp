#include "engines/cpu/general/network_pack.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "cpu_engine_expectations.hpp"
#include "draws.hpp"
#include "engines/cpu/general/network_group.hpp"
#include "random_network.hpp"
#include "sanitizers.hpp"

namespace gridrun {
namespace {

/// Formats as packs have them: words of 16 bits at most, P shifted by 1 to 30 places.
TensorFormats packed_formats(TensorFormats formats, RandomDraws& draw) {
  if (draw.chance(30)) formats.master.round = Round::stochastic;
  if (draw.chance(30)) formats.input.fraction = 1;  // many inputs become 0
  formats.gradient.round = formats.master.round;
  if ((formats.gradient.overflow == Overflow::wrap) != (formats.master.overflow == Overflow::wrap))
    formats.gradient.overflow = formats.master.overflow;
  formats.weight = formats.master;
  formats.error.fraction = std::max(formats.error.fraction, 1);
  const int scale = formats.error.fraction + formats.input.fraction;
  formats.gradient.fraction = scale - draw.number(1, std::min(scale, 30));
  return formats;
}

/// Networks of one layer, of one to three kinds, each kind with 1 to 20 learning rates whose steps
/// are shifted by 1 to 63 places.
RandomNetworks packed_networks(std::uint32_t seed) {
  RandomDraws draw(seed);
  const RandomBits bits = draw.chance(50) ? RandomBits{2, 16} : RandomBits{16, 16};
  std::uint32_t given = 100 * seed;
  while (random_network(given, bits).spec.layers() != 1) ++given;
  RandomNetworks sweep = random_networks(given, bits);
  std::vector<NetworkSpec>& networks = sweep.staged.networks;
  networks.resize(static_cast<std::size_t>(draw.number(1, 3)));
  const std::vector<NetworkSpec> kinds = networks;
  networks.clear();
  sweep.staged.iterations = 160;
  for (NetworkSpec kind : kinds) {
    kind.batch = 1;
    kind.formats = packed_formats(kind.formats, draw);
    kind.init.std = draw.one_of({30.0, 300.0, 3000.0});
    kind.rounding_seed = static_cast<std::uint32_t>(draw.number(0, 1));
    const int from_shift = kind.formats.master.fraction - kind.formats.gradient.fraction;
    const int least = draw.one_of({1, 1, 10, 30}), most = draw.one_of({12, 20, 63});
    for (int i = draw.number(1, 20); i > 0; --i) {
      kind.lr = from_shift + draw.number(std::min(least, most), most);
      networks.push_back(kind);
    }
  }
  sweep.description += fmt::format(", {} in packs", networks.size());
  return sweep;
}

TEST(NetworkPack, TrainsAsTheReferenceDoes) {
  GeneralStatistics statistics;
  for (std::uint32_t seed = 0; seed < random_rounds(120); ++seed) {
    const RandomNetworks sweep = packed_networks(seed);
    expect_as_reference(sweep.staged, sweep.description, 1 + seed % 3, statistics);
    if (HasFailure()) return;
  }
  EXPECT_GT(statistics.packed, 0U);
  EXPECT_GT(statistics.networks_16, statistics.packed);
  EXPECT_GT(statistics.far_updates, 0U);
  EXPECT_GT(statistics.stretches, 0U);
  EXPECT_GT(statistics.whole_sums, 0U);
  EXPECT_GT(statistics.split_sums, 0U);
}

TEST(NetworkPack, CountsAsTheReferenceDoes) {
  GeneralStatistics statistics;
  for (std::uint32_t seed = 200; seed < 200 + random_rounds(120); ++seed) {
    RandomNetworks sweep = packed_networks(seed);
    sweep.staged.diagnose = true;
    expect_as_reference(sweep.staged, sweep.description, 1 + seed % 3, statistics);
    if (HasFailure()) return;
  }
  EXPECT_GT(statistics.packed, 0U);
  EXPECT_GT(statistics.counted_known, 1000U);
  EXPECT_GT(statistics.counted_in_range, 1000U);
  EXPECT_GT(statistics.counted_any, 1000U);
}

/// Samples of bytes, one for each label, and one network of two linear units.
RandomNetworks two_units(const std::vector<std::uint8_t>& bytes,
                         const std::vector<std::uint32_t>& labels, double scale) {
  RandomNetworks sweep = packed_networks(0);
  Dataset& dataset = *sweep.dataset;
  dataset = {};
  dataset.samples = dataset.train_samples = labels.size();
  dataset.inputs = bytes.size() / labels.size();
  dataset.classes = 2;
  dataset.values = bytes;
  dataset.labels = labels;
  dataset.scale = scale;
  sweep.staged.order.resize(labels.size());
  std::iota(sweep.staged.order.begin(), sweep.staged.order.end(), 0U);
  sweep.staged.held_out = {};
  NetworkSpec& spec = sweep.staged.networks.front();
  spec.units = {static_cast<std::uint32_t>(dataset.inputs), 2};
  spec.bias = false;
  spec.activation = spec.output_activation = Activation::linear;
  sweep.staged.networks.resize(1);
  return sweep;
}

/// Weights that the first update does not move need another bit after the second one, but for those
/// of the last network, which do after the third.
TEST(NetworkPack, CountsEachNetworksWeightsByThemselves) {
  RandomNetworks sweep = two_units({0, 1, 1, 0, 1, 0}, {0, 0, 0}, 1);
  StagedSweep& staged = sweep.staged;
  staged.iterations = 3;
  staged.diagnose = true;
  staged.normals = {1020, 0, 1020, 0};
  NetworkSpec spec = staged.networks.front();
  spec.init = {};
  spec.init.std = 1;
  const Format format{16, 8, Round::nearest_even, Overflow::saturate, 32};
  spec.formats = {format, format, format, {}, format, format, format};
  spec.formats.master.fraction = spec.formats.weight.fraction = 14;
  staged.networks.clear();
  for (const int lr : {7, 7, 7, 7, 7, 7, 7, 13}) {  // steps of 120, and of 2
    spec.lr = lr;
    staged.networks.push_back(spec);
  }

  GeneralStatistics statistics;
  expect_as_reference(staged, "learning rates 7 and 13", 1, statistics);
  EXPECT_EQ(statistics.packed, 8 * simd_targets().size());
  const auto bits = [&](std::uint32_t steps) {
    staged.iterations = steps;
    Progress progress;
    const Outcomes outcomes = CpuEngine(1).train(staged, progress);
    std::vector<int> all;
    for (const Outcome& outcome : outcomes)
      all.push_back(outcome.diagnostics[0].of(Tensor::master).bits);
    return all;
  };
  EXPECT_EQ(bits(1), std::vector<int>(8, 11));
  EXPECT_EQ(bits(2), (std::vector<int>{12, 12, 12, 12, 12, 12, 12, 11}));
  EXPECT_EQ(bits(3), std::vector<int>(8, 12));
}

/// Few words are so close to their threshold that their lowest halves decide: one of 65,536.
TEST(NetworkPack, RoundsByAllBitsOfARandomWord) {
  constexpr std::uint32_t inputs = 64;
  const std::vector<std::uint32_t> labels{0, 1, 1, 0};
  std::vector<std::uint8_t> bytes(inputs * labels.size(), 255);
  for (std::size_t i = 0; i < bytes.size(); i += 2)  // half of them are in stretches
    bytes[i] = static_cast<std::uint8_t>(1 + i % 254);
  RandomNetworks sweep = two_units(bytes, labels, 255);
  StagedSweep& staged = sweep.staged;
  staged.iterations = 4000;
  staged.keep_weights = true;
  staged.normals.assign(2 * inputs, 0.5);
  NetworkSpec spec = staged.networks.front();
  const Format format{16, 15, Round::stochastic, Overflow::saturate, 32};
  spec.formats = {format, format, format, {}, format, format, format};
  spec.formats.input.round = Round::nearest_even;
  spec.formats.gradient.fraction = 12;  // P is shifted by 18 places
  staged.networks.clear();
  for (spec.lr = 17; spec.lr <= 24; ++spec.lr) staged.networks.push_back(spec);

  GeneralStatistics statistics;
  expect_as_reference(staged, "learning rates 17 to 24", 1, statistics);
  EXPECT_EQ(statistics.packed, 8 * simd_targets().size());
}

/// A sweep of single layers with 16-bit words, of so many learning rates and fractions.
StagedSweep layers_16(const Dataset& dataset, int rates, int fractions) {
  StagedSweep staged;
  staged.dataset = &dataset;
  staged.order = {0};
  staged.normals.assign(dataset.inputs * dataset.classes, 1);
  staged.iterations = 10;
  NetworkSpec spec;
  spec.units = {static_cast<std::uint32_t>(dataset.inputs),
                static_cast<std::uint32_t>(dataset.classes)};
  for (int fraction = 0; fraction < fractions; ++fraction)
    for (int rate = 0; rate < rates; ++rate) {
      const Format format{16, 8 + fraction % 8, Round::nearest_even, Overflow::saturate, 32};
      spec.formats = {format, format, format, {}, format, format, format};
      spec.lr = 1 + rate;
      staged.networks.push_back(spec);
    }
  return staged;
}

Dataset of_shape(std::uint32_t inputs, std::uint32_t classes) {
  Dataset dataset;
  dataset.samples = dataset.train_samples = 1;
  dataset.inputs = inputs;
  dataset.classes = classes;
  dataset.values = std::vector<std::uint8_t>(inputs, 200);
  dataset.scale = 255;
  dataset.labels = {0};
  return dataset;
}

std::vector<std::uint32_t> sizes_of(const std::vector<NetworkRun>& runs) {
  std::vector<std::uint32_t> sizes;
  for (const NetworkRun& run : runs) sizes.push_back(run.size);
  return sizes;
}

TEST(NetworkPack, IsMadeWhereItTakesFewerVectors) {
  using Sizes = std::vector<std::uint32_t>;
  const auto sizes = [](std::uint32_t units, int rates, int fractions, unsigned threads,
                        double fit = 1000) {
    const Dataset dataset = of_shape(20, units);
    const StagedSweep staged = layers_16(dataset, rates, fractions);
    std::vector<std::size_t> networks(staged.networks.size());
    std::iota(networks.begin(), networks.end(), std::size_t{0});
    const std::vector<NetworkRun> runs = pack(staged, WordSize::bits_16, threads, fit, networks);
    std::sort(networks.begin(), networks.end());
    for (std::size_t n = 0; n < networks.size(); ++n) EXPECT_EQ(networks[n], n);
    return sizes_of(runs);
  };
  EXPECT_EQ(sizes(10, 8, 2, 2), (Sizes{8, 8}));
  EXPECT_EQ(sizes(10, 15, 2, 2), (Sizes{7, 8, 7, 8}));
  EXPECT_EQ(sizes(10, 17, 1, 1), (Sizes{5, 6, 6}));
  EXPECT_EQ(sizes(10, 5, 2, 2), Sizes(10, 1));     // five vectors either way
  EXPECT_EQ(sizes(10, 8, 1, 2), Sizes(8, 1));      // one thread would have nothing to do
  EXPECT_EQ(sizes(16, 8, 2, 2), Sizes(16, 1));     // whole vectors by themselves
  EXPECT_EQ(sizes(10, 8, 2, 2, 7), Sizes(16, 1));  // too large to be held together
}

TEST(NetworkPack, OfOneKindIsOnOneThreadWhereAllHaveAsMuch) {
  const Dataset dataset = of_shape(20, 10);
  const StagedSweep staged = layers_16(dataset, 15, 4);
  const auto groups = groups_of(staged, 2, Neighbours::dealt_out);
  std::vector<int> times(staged.networks.size());
  for (const NetworkGroup& group : groups) {
    EXPECT_EQ(std::accumulate(group.runs.begin(), group.runs.end(), std::size_t{0}),
              group.members.size());
    std::vector<int> fractions;
    for (const std::size_t n : group.members) {
      ++times[n];
      fractions.push_back(staged.networks[n].formats.input.fraction);
    }
    for (const int fraction : fractions)
      EXPECT_EQ(std::count(fractions.begin(), fractions.end(), fraction), 15);
  }
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), std::ssize(times));
}

TEST(NetworkPack, StopsSoon) {
  const Dataset dataset = of_shape(20, 10);
  const StagedSweep staged = layers_16(dataset, 8, 2);
  Progress progress;
  progress.stop();
  EXPECT_THROW(CpuEngine(1).train(staged, progress), Interrupted);
  EXPECT_EQ(progress.done(), 0U);
}

}  // namespace
}  // namespace gridrun
