// The cpu engine against the reference engine, on every SIMD target that is built: networks
// of any layers and formats that an input describes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "fuzz.hpp"
#include "same_as_reference.hpp"

namespace gridrun {
namespace {

Format format(Input& input, int least_bits, int most_bits) {
  Format format;
  format.bits = static_cast<int>(input.between(least_bits, most_bits));
  format.fraction = static_cast<int>(input.between(0, std::min(format.bits, 20)));
  const auto kind = input.word<std::uint8_t>();
  format.round = static_cast<Round>(kind % 7);
  format.overflow = static_cast<Overflow>(kind / 7 % 3);
  format.random_bits = kind < 128 ? 32 : 1 + kind % 32;
  return format;
}

NetworkSpec network(Input& input, const std::vector<std::uint32_t>& units, std::uint32_t steps) {
  const auto flags = input.word<std::uint8_t>();
  const int most_bits = flags & 1 ? 16 : flags & 2 ? 32 : 64;
  const int least_bits = flags & 4 ? most_bits - 1 : 2;
  NetworkSpec spec;
  spec.units = units;
  TensorFormats& formats = spec.formats;
  const Format all = format(input, least_bits, most_bits);
  for (Format* tensor : {&formats.input, &formats.master, &formats.weight, &formats.activation,
                         &formats.error, &formats.gradient})
    *tensor = flags & 8 ? format(input, least_bits, most_bits) : all;
  if (flags & 16) formats.accumulator = format(input, least_bits, most_bits);
  formats.input.round = Round::nearest_even;
  if (formats.weight.round == Round::stochastic || !(flags & 32)) formats.weight = formats.master;
  spec.bias = flags & 64;
  const int most_lr = std::min(62, 63 + formats.master.fraction - formats.gradient.fraction);
  spec.lr = static_cast<int>(input.between(flags & 128 ? -16 : 1, flags & 128 ? most_lr : 15));
  const auto kind = input.word<std::uint8_t>();
  spec.activation = static_cast<Activation>(kind % 3);
  spec.output_activation = static_cast<Activation>(kind / 3 % 3);
  spec.leak = kind / 9 % 8;
  spec.batch = kind & 1 ? steps : 1;
  spec.rounding_seed = input.word<std::uint8_t>();
  spec.init.std =
      std::ldexp(1.0, static_cast<int>(input.between(0, std::min(62, spec.formats.master.bits))));
  return spec;
}

double real(Input& input) {
  const auto kind = input.word<std::uint8_t>();
  return kind & 1 ? 0.0 : std::ldexp(static_cast<std::int8_t>(input.word<std::uint8_t>()), -6);
}

StagedSweep decode(Input& input, Dataset& dataset) {
  StagedSweep sweep;
  std::vector<std::uint32_t> units;
  const std::int64_t layers = input.between(1, 4);
  const auto flags = input.word<std::uint8_t>();
  const std::int64_t most_units = flags & 1 ? 40 : 5;
  sweep.diagnose = flags & 2;
  for (std::int64_t i = 0; i <= layers; ++i)
    units.push_back(static_cast<std::uint32_t>(input.between(1, most_units)));
  dataset.samples = dataset.train_samples = static_cast<std::size_t>(input.between(1, 6));
  dataset.inputs = units.front();
  dataset.classes = units.back();
  const auto steps = static_cast<std::uint32_t>(input.between(1, 8));  // of a batch
  sweep.iterations = steps * static_cast<std::uint32_t>(input.between(1, 4));
  const std::int64_t networks = input.between(1, 4);
  for (std::int64_t i = 0; i < networks; ++i)
    sweep.networks.push_back(network(input, units, steps));
  std::size_t weights = 0;
  for (std::size_t layer = 0; layer + 1 < units.size(); ++layer)
    weights += std::size_t{units[layer]} * units[layer + 1];
  for (std::size_t i = 0; i < weights; ++i)
    sweep.normals.push_back(std::remainder(static_cast<double>(i) * 0.618, 1.0));
  std::vector<double> values;
  for (std::size_t i = 0; i < dataset.samples; ++i) {
    dataset.labels.push_back(input.word<std::uint8_t>() % dataset.classes);
    sweep.order.push_back(static_cast<std::uint32_t>(i));
    sweep.held_out.push_back(static_cast<std::uint32_t>(i));
    for (std::size_t k = 0; k < dataset.inputs; ++k) values.push_back(real(input));
  }
  dataset.values = std::move(values);
  sweep.dataset = &dataset;
  sweep.keep_weights = true;
  return sweep;
}

}  // namespace
}  // namespace gridrun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  Input input(data, size);
  const auto threads = static_cast<unsigned>(input.between(1, 3));
  Dataset dataset;
  require_same_as_reference(decode(input, dataset), threads, "networks");
  return 0;
}
