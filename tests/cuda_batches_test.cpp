// Networks that train in batches of samples on the cuda engine against the reference engine, to the
// byte: the same tests over the emulation and on a GPU. And where their parts are laid out.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "batches/batch_plan.hpp"
#include "cuda_networks_test.hpp"
#include "draws.hpp"
#include "general/network_kinds.hpp"
#include "gridrun/tensor_formats.hpp"

namespace gridrun::cuda {
namespace {

struct SweepShape {
  std::vector<std::uint32_t> units;
  std::uint32_t batch, batches, samples, held_out;
};

/// Networks of random formats and the rest, but of this shape, with dense inputs of both signs.
RandomNetworks networks_of(const SweepShape& shape, RandomBits bits, std::uint32_t seed,
                           std::uint32_t count) {
  RandomNetworks networks;
  networks.description = "seed " + std::to_string(seed) + ", " + std::to_string(bits.least) +
                         " to " + std::to_string(bits.most) + " bits, batch " +
                         std::to_string(shape.batch);
  RandomDraws draw(seed);
  networks.dataset = std::make_unique<Dataset>();
  Dataset& dataset = *networks.dataset;
  dataset.samples = dataset.train_samples = shape.samples;
  dataset.inputs = shape.units.front();
  dataset.classes = shape.units.back();
  dataset.scale = 1;
  std::vector<double> values;
  for (std::size_t i = 0; i < dataset.samples * dataset.inputs; ++i)
    values.push_back(draw.chance(20) ? 0 : draw.real(-2, 2));
  dataset.values = std::move(values);
  for (std::uint32_t i = 0; i < shape.samples; ++i)
    dataset.labels.push_back(static_cast<std::uint32_t>(draw.bits() % shape.units.back()));
  StagedSweep& staged = networks.staged;
  staged.dataset = networks.dataset.get();
  for (std::uint32_t i = 0; i < shape.samples; ++i) staged.order.push_back(i);
  for (std::uint32_t i = 0; i < shape.held_out; ++i) staged.held_out.push_back(i % shape.samples);
  staged.iterations = shape.batch * shape.batches;
  staged.keep_weights = true;
  staged.normals = some_normals(shape.units, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    NetworkSpec spec = random_network(1000 * seed + i, bits).spec;
    spec.units = shape.units;
    spec.batch = shape.batch;
    spec.init.std = 30;
    staged.networks.push_back(spec);
  }
  return networks;
}

using CudaBatches = CudaNetworksTest;

constexpr RandomBits bits_of_bytes[] = {{2, 8}, {9, 16}, {17, 24}, {25, 32}};

TEST_F(CudaBatches, TilesOfEverySizeAgreeWithReference) {
  // Products end within, at and beyond a tile of 64 by 32 sums and 32 terms.
  const SweepShape shapes[] = {{{70, 65, 33}, 33, 2, 40, 0},
                               {{64, 64, 32}, 32, 2, 64, 0},
                               {{33, 130, 5, 66}, 5, 3, 9, 70},
                               {{1, 1}, 2, 3, 3, 1},
                               {{31, 97}, 64, 2, 70, 0}};
  std::set<std::uint32_t> planes;
  std::uint32_t seed = 0;
  for (const SweepShape& shape : shapes)
    for (const RandomBits bits : bits_of_bytes) {
      if (HasFailure()) return;
      Tuning tuning;
      if (seed % 2 == 0) tuning.launch_blocks = 1 + seed % 5;
      const RandomNetworks networks = networks_of(shape, bits, ++seed, 3);
      for (const NetworkSpec& spec : networks.staged.networks)
        planes.insert(kind_of(spec, false).planes);
      BatchedEngine trained = engine(tuning, seed);
      expect_same_as_reference(trained, networks);
    }
  EXPECT_EQ(planes, (std::set<std::uint32_t>{1, 2, 3, 4}));
  for (const SweepShape& shape : shapes) {
    if (HasFailure()) return;
    RandomNetworks networks = networks_of(shape, {33, 64}, ++seed, 2);
    networks.staged.diagnose = seed % 2 == 0;
    BatchedEngine trained = engine({}, seed);
    expect_same_as_reference(trained, networks);
  }
}

/// Networks whose factors are all -1, the word of which every byte is the largest: no other words
/// have larger sums of bytes, which have to be moved to 64 bits in time.
RandomNetworks networks_of_minus_one(std::uint32_t inputs, std::uint32_t samples, int bits) {
  RandomNetworks networks = networks_of({{inputs, 2}, samples, 1, 1, 0}, {bits, bits}, 1, 1);
  networks.description = "-1 in " + std::to_string(bits) + " bits";
  std::get<std::vector<double>>(networks.dataset->values).assign(inputs, -1.0);
  NetworkSpec& spec = networks.staged.networks.front();
  // A sum that is wrong is wrong by a large power of two, which wrapping words would hide.
  for (Format* format : in_order(spec.formats))
    *format = Format{bits, 0, Round::floor, Overflow::saturate};
  spec.formats.accumulator = Format{};
  spec.activation = spec.output_activation = Activation::linear;
  spec.init = {WeightUnit::lsb, -1, WeightSpread::std, 0};
  spec.lr = 0;
  return networks;
}

TEST_F(CudaBatches, SumsOfManyTermsAreExact) {
  for (const int bits : {8, 16, 24, 32}) {
    const std::uint32_t many = 16500;  // sums of 32 bits would overflow at 11,008
    BatchedEngine over_inputs = engine();
    expect_same_as_reference(over_inputs, networks_of_minus_one(many, 2, bits));
    BatchedEngine over_samples = engine();
    expect_same_as_reference(over_samples, networks_of_minus_one(2, many, bits));
  }
}

TEST_F(CudaBatches, RandomNetworksAgreeWithReference) {
  for (std::uint32_t seed = 400; seed < 400 + seeds(12) && !HasFailure(); ++seed)
    for (const RandomBits bits : {short_bits, middle_bits, all_bits}) {
      RandomNetworks networks = random_networks(seed, bits);
      for (NetworkSpec& spec : networks.staged.networks)
        if (spec.batch == 1) spec.batch = seed % 2 == 0 ? 2 : 16;
      networks.staged.diagnose = seed % 4 == 3;
      Tuning tuning;
      tuning.slice_steps = seed % 3 == 0 ? 0 : 1 + seed % 37;
      if (seed % 2 == 1) tuning.launch_blocks = 1 + seed % 7;
      BatchedEngine trained = engine(tuning, seed);
      expect_same_as_reference(trained, networks);
    }
}

TEST_F(CudaBatches, ManyTestSamplesPassAtOnce) {
  for (const RandomBits bits : {short_bits, all_bits}) {
    BatchedEngine trained = engine();
    expect_same_as_reference(trained, networks_of({{5, 4, 3}, 2, 3, 300, 300}, bits, 7, 3));
  }
}

/// Networks some of whose P are beyond what the narrow update takes, and some within it, also of
/// four neighbours.
RandomNetworks networks_of_large_updates(std::uint32_t units, bool at_random, bool with_copies,
                                         Overflow overflow) {
  RandomNetworks networks = networks_of({{9, units}, 16, 4, 16, 0}, {16, 16}, 3, 4);
  for (NetworkSpec& spec : networks.staged.networks) {
    Round round = spec.formats.gradient.round;
    if (round == Round::stochastic) round = Round::nearest_even;
    for (Format* format : in_order(spec.formats)) *format = Format{16, 12, round, overflow};
    if (at_random) spec.formats.gradient.round = spec.formats.master.round = Round::stochastic;
    spec.formats.weight = with_copies ? Format{12, 9, Round::nearest_even} : spec.formats.master;
    spec.formats.accumulator = Format{};
    spec.activation = spec.output_activation = Activation::linear;
    spec.init.std = 3000;
    spec.lr = 1;
  }
  std::get<std::vector<double>>(networks.dataset->values)[3] = 7.99;
  for (std::size_t i = 0; i < 16; ++i)
    std::get<std::vector<double>>(networks.dataset->values)[9 * i + 4] = i % 2 == 0 ? 7.99 : -7.99;
  return networks;
}

TEST_F(CudaBatches, LargeUpdatesLeave32Bits) {
  for (const std::uint32_t units : {70U, 72U})
    for (const bool at_random : {false, true})
      for (const bool with_copies : {false, true})
        for (const Overflow overflow :
             {Overflow::wrap, Overflow::saturate, Overflow::saturate_symmetric}) {
          BatchedEngine trained = engine();
          expect_same_as_reference(
              trained, networks_of_large_updates(units, at_random, with_copies, overflow));
        }
}

TEST_F(CudaBatches, AnyUnitMakesALayerActive) {
  // In turns none is active, one of the first 32 units of a warp's look, one of the last.
  const std::uint32_t units = 70, samples = 12;
  RandomNetworks networks = networks_of({{3, units}, 4, 3, samples, 0}, {16, 16}, 1, 1);
  networks.staged.diagnose = true;
  for (std::uint32_t unit = 0; unit < units; ++unit)
    for (std::uint32_t input = 0; input < 3; ++input)
      networks.staged.normals[3 * unit + input] =
          (unit == 5 && input == 1) || (unit == 67 && input == 2) ? 1 : -1;
  auto& values = std::get<std::vector<double>>(networks.dataset->values);
  for (std::uint32_t sample = 0; sample < samples; ++sample)
    for (std::uint32_t input = 0; input < 3; ++input)
      values[3 * sample + input] = input == sample % 3 ? 1 : 0;
  NetworkSpec& spec = networks.staged.networks.front();
  for (Format* format : in_order(spec.formats)) *format = Format{16, 4};
  spec.activation = spec.output_activation = Activation::relu;
  spec.bias = false;
  spec.init = {WeightUnit::lsb, 0, WeightSpread::std, 32};
  spec.lr = 20;
  BatchedEngine trained = engine();
  expect_same_as_reference(trained, networks);
  EXPECT_EQ(reference_outcomes(networks.staged)[0].diagnostics[0].inactive, samples / 3);
}

TEST(BatchPlan, MultipliesBytesOfTheWidestFactor) {
  NetworkSpec spec;
  spec.units = {3, 2};
  spec.batch = 2;
  for (Format* format : in_order(spec.formats)) *format = Format{8, 4};
  const auto kind = [&] { return kind_of(spec, false); };
  EXPECT_EQ(kind(), (NetworkKind{2, 2, false, 1}));
  spec.formats.gradient.bits = 24;  // is no factor
  EXPECT_EQ(kind().planes, 1U);
  spec.formats.error.bits = 9;
  EXPECT_EQ(kind(), (NetworkKind{2, 2, false, 2}));
  spec.formats.weight.bits = 9;  // one of their own
  EXPECT_EQ(kind(), (NetworkKind{2, 4, false, 2}));
  spec.formats.weight = spec.formats.master;
  spec.formats.input.bits = 17;
  EXPECT_EQ(kind(), (NetworkKind{2, 4, false, 3}));
  spec.formats.activation.bits = 32;
  EXPECT_EQ(kind(), (NetworkKind{2, 4, false, 4}));
  spec.formats.activation.bits = 33;
  EXPECT_EQ(kind(), (NetworkKind{2, 8, false, 0}));
  EXPECT_EQ(kind_of(spec, true), (NetworkKind{2, 8, false, 0}));
}

TEST(BatchPlan, LaysValuesOutInFours) {
  const BatchPlaces places(NetworkPlaces({784, 100, 10}, 2, 32).layers, 32);
  EXPECT_EQ(places.input_stride, 788U);
  EXPECT_EQ(places.layers[0].stride, 104U);
  EXPECT_EQ(places.layers[1].stride, 12U);
  EXPECT_EQ(places.layers[0].activations, 0U);
  EXPECT_EQ(places.layers[0].errors, 32U * 104);
  EXPECT_EQ(places.layers[1].activations, 2 * 32U * 104);
  EXPECT_EQ(places.values, 2 * 32U * (104 + 12));
}

TEST(BatchPlan, GivesEachTileABlockAndNoLaunchTooMany) {
  const std::vector<LayerPlace> places = NetworkPlaces({784, 100, 10}, 2, 32).layers;
  BatchArguments arguments{};
  arguments.all.network_count = 7;
  arguments.all.weights_stride = 1000;
  arguments.samples = 33;
  arguments.stored_samples = 40;
  const auto of = [](BatchPart part, std::uint32_t planes = 2) {
    return BatchLaunch{part, 4, planes, false, 0};
  };
  EXPECT_EQ(blocks_of(of(BatchPart::forward), arguments, places), 7U * 2 * 2);
  EXPECT_EQ(blocks_of(of(BatchPart::errors), arguments, places), 7U * 2 * 2);
  EXPECT_EQ(blocks_of(of(BatchPart::update), arguments, places), 7U * 13 * 4);
  EXPECT_EQ(blocks_of(of(BatchPart::update, 4), arguments, places), 7U * 13 * 7);
  EXPECT_EQ(blocks_of(of(BatchPart::answers), arguments, places), (7U * 33 + 3) / 4);
  EXPECT_EQ(blocks_of(of(BatchPart::inactive), arguments, places), (7U * 2 * 33 + 3) / 4);
  EXPECT_EQ(blocks_of(of(BatchPart::inputs), arguments, places), (40U * 785 + 127) / 128);
  EXPECT_EQ(blocks_of(of(BatchPart::copies), arguments, places), 7U * 8);
  EXPECT_EQ(products_of_block(of(BatchPart::forward), arguments, places), 2048U * 785);
  EXPECT_EQ(products_of_block(of(BatchPart::errors), arguments, places), 2048U * 10);
  EXPECT_EQ(products_of_block(of(BatchPart::update), arguments, places), 2048U * 33);
  EXPECT_EQ(products_of_block(of(BatchPart::answers), arguments, places), 4U * 32 * 10);
  EXPECT_EQ(products_of_block(of(BatchPart::inactive), arguments, places), 4U * 32 * 100);
  EXPECT_EQ(products_of_block(of(BatchPart::inputs), arguments, places), 1U);
  EXPECT_EQ(most_launch_blocks(2048 * 785), (1U << 26) / 785);
  EXPECT_EQ(most_launch_blocks(1), 1U << 22);
  EXPECT_EQ(most_launch_blocks(std::uint64_t{1} << 40), 1U);
}

TEST(BatchPlan, PassesTestSamplesInGreaterNumbers) {
  EXPECT_EQ(samples_at_once(2, 0), 2U);
  EXPECT_EQ(samples_at_once(2, 100), 100U);
  EXPECT_EQ(samples_at_once(2, 10000), 256U);
  EXPECT_EQ(samples_at_once(1000, 10000), 1000U);
}

}  // namespace
}  // namespace gridrun::cuda
