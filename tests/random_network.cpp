#include "random_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "draws.hpp"
#include "gridrun/tensor_formats.hpp"

namespace gridrun {
namespace {

Format random_format(RandomDraws& draw, RandomBits bits) {
  Format format;
  format.bits = draw.number(bits.least, bits.most);
  format.fraction = draw.number(0, std::min(format.bits + 4, 20));
  format.round = static_cast<Round>(draw.number(0, 6));
  format.overflow = static_cast<Overflow>(draw.number(0, 2));
  format.random_bits = draw.one_of({32, 32, 16, 8, 1, draw.number(1, 32)});
  return format;
}

std::vector<double> random_inputs(RandomDraws& draw, std::size_t count) {
  const int kind = draw.number(0, 2);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(kind == 0   ? draw.real(-4, 4)
                     : kind == 1 ? draw.number(0, 2) / 2 * draw.number(0, 255) / 255.0
                                 : draw.number(-64, 64) / 32.0);
  return values;
}

}  // namespace

RandomNetwork random_network(std::uint32_t seed, RandomBits bits,
                             const std::vector<std::uint32_t>& units) {
  RandomDraws draw(seed);
  RandomNetwork network;
  NetworkSpec& spec = network.spec;
  TensorFormats& formats = spec.formats;
  const Format all = random_format(draw, bits);
  const bool mixed = draw.chance(60);
  for (Format* format : in_order(formats)) *format = mixed ? random_format(draw, bits) : all;
  if (draw.chance(60)) formats.accumulator = Format{};
  formats.input.round = Round::nearest_even;
  if (formats.weight.round == Round::stochastic || draw.chance(50)) formats.weight = formats.master;
  const int shift = formats.gradient.fraction - formats.master.fraction;
  const int least_lr = draw.chance(70) ? std::max(-16, 1 - shift) : -16;  // right shifts, or any
  const int most_lr = draw.chance(70) ? least_lr + 12 : 62;
  spec.lr = draw.number(least_lr, std::min(most_lr, 63 - shift));

  const int layers = draw.one_of({1, 1, 2, 2, 3, 4});
  const int most_units = draw.chance(8) ? 130 : draw.one_of({7, 7, 20, 40});
  for (int i = 0; i <= layers; ++i)
    spec.units.push_back(static_cast<std::uint32_t>(draw.number(1, most_units)));
  if (!units.empty()) spec.units = units;
  spec.activation = static_cast<Activation>(draw.number(0, 2));
  spec.output_activation = static_cast<Activation>(draw.number(0, 2));
  spec.leak = draw.number(0, 8);
  spec.bias = draw.chance(50);
  spec.batch = static_cast<std::uint32_t>(draw.one_of({1, 1, 1, 1, 2, 3, 5, 16}));
  spec.rounding_seed = static_cast<std::uint32_t>(draw.between(0, 0xffffffff));

  const Format& master = formats.master;
  const int spread = draw.one_of({2, 4, 8, master.bits - 1});
  const std::int64_t most =
      std::min(largest_word(master.bits), std::int64_t{1} << std::min(spread, 62));
  const std::int64_t least = std::max(smallest_word(master.bits, master.overflow), -most);
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    std::vector<std::int64_t>& weights = network.weights.emplace_back();
    for (std::uint32_t i = 0; i < spec.units[layer] * spec.units[layer + 1]; ++i)
      weights.push_back(draw.between(least, most));
  }

  Dataset& dataset = network.dataset;
  dataset.samples = static_cast<std::size_t>(draw.number(1, 8));
  dataset.inputs = spec.units.front();
  dataset.classes = spec.units.back();
  dataset.train_samples = dataset.samples;
  dataset.scale = draw.one_of({1.0, 1.0, 3.0});
  dataset.values = random_inputs(draw, dataset.samples * dataset.inputs);
  if (draw.chance(30)) {
    dataset.scale = 255;
    const int least_byte = draw.one_of({0, 0, 252});  // the last make many equal
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < dataset.samples * dataset.inputs; ++i)
      bytes.push_back(
          static_cast<std::uint8_t>(draw.chance(40) ? draw.number(least_byte, 255) : 0));
    dataset.values = bytes;
  }
  for (std::size_t i = 0; i < dataset.samples; ++i)
    dataset.labels.push_back(
        static_cast<std::uint32_t>(draw.number(0, static_cast<int>(spec.units.back()) - 1)));
  network.iterations = static_cast<std::uint32_t>(draw.number(1, 40));
  network.description = fmt::format("network {} of {} to {} bits", seed, bits.least, bits.most);
  return network;
}

std::vector<double> some_normals(const std::vector<std::uint32_t>& units, std::uint32_t seed) {
  std::size_t weights = 0;
  for (std::size_t layer = 0; layer + 1 < units.size(); ++layer)
    weights += std::size_t{units[layer]} * units[layer + 1];
  std::vector<double> normals;
  for (std::size_t i = 0; i < weights; ++i)
    normals.push_back(std::remainder(static_cast<double>(i + seed) * 0.618, 1.0) * 4);
  return normals;
}

RandomNetworks random_networks(std::uint32_t seed, RandomBits bits,
                               const std::vector<std::uint32_t>& units) {
  const RandomNetwork first = random_network(seed, bits, units);
  RandomNetworks sweep;
  sweep.description = fmt::format("seed {}, {} to {} bits", seed, bits.least, bits.most);
  sweep.dataset = std::make_unique<Dataset>(first.dataset);
  StagedSweep& staged = sweep.staged;
  staged.dataset = sweep.dataset.get();
  const auto samples = static_cast<std::uint32_t>(sweep.dataset->samples);
  for (std::uint32_t i = 0; i < samples; ++i) staged.order.push_back(samples - 1 - i);
  for (std::uint32_t i = 0; i < samples; i += 2) staged.held_out.push_back(i);
  staged.iterations = 80;
  staged.keep_weights = seed % 2 == 0;
  for (std::uint32_t i = 0; i < 5 + seed % 10; ++i) {
    NetworkSpec spec = random_network(1000 * seed + i / (1 + seed % 3), bits).spec;
    spec.units = first.spec.units;
    spec.init.std = 30.0;
    if (spec.batch == 3) spec.batch = 4;  // batches divide the iterations
    spec.rounding_seed = i % 2;
    staged.networks.push_back(spec);
  }
  staged.normals = some_normals(first.spec.units, seed);
  return sweep;
}

}  // namespace gridrun
