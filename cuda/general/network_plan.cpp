#include "general/network_plan.hpp"

#include <algorithm>

#include "gridrun/tensor_formats.hpp"

namespace gridrun::cuda {
namespace {

/// Weights that keep a lane busy for a step: fewer are not worth a barrier's wait for it.
constexpr std::uint64_t weights_of_lane = 64;

Fitting fitting(int scale, const Format& format) {
  return {scale - format.fraction, format.bits, format.random_bits, format.round, format.overflow};
}

}  // namespace

NetworkPlaces::NetworkPlaces(const std::vector<std::uint32_t>& units) {
  const std::uint32_t inputs = units.front() + 1;
  vectors.inputs = (inputs + 1) / 2;  // after their indices, two to a word
  vectors.words = vectors.inputs + inputs;
  const auto take = [this](std::uint32_t words) {
    vectors.words += words;
    return vectors.words - words;
  };
  for (std::size_t layer = 0; layer + 1 < units.size(); ++layer) {
    const std::uint32_t count = units[layer + 1];
    layers.push_back({units[layer], count, weights, take(count), take(count + 1), take(count)});
    weights += std::uint64_t{units[layer] + 1} * count;
  }
  weights = (weights + 7) / 8 * 8;  // networks begin at multiples of 16 bytes, whatever their words
}

DeviceNetwork device_network(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  DeviceNetwork network{};
  network.accumulator = fitting(0, formats.accumulator);
  network.step = fitting(formats.gradient.fraction + spec.lr, formats.master);
  network.master = fitting(0, formats.master);
  network.copy = fitting(formats.master.fraction, formats.weight);
  network.input = fitting(0, formats.input);
  network.input_fraction = formats.input.fraction;
  network.target = one_of(formats.activation);
  network.batch = spec.batch;
  network.rounding_seed = spec.rounding_seed;
  network.bias = spec.bias;
  network.has_copies = formats.weight != formats.master;
  return network;
}

bool updates_in_32_bits(const NetworkSpec& spec, std::size_t layer) {
  const TensorFormats& formats = spec.formats;
  const int product = spec.input_format(layer).bits + formats.error.bits;  // P has less
  const int to_gradient =
      formats.error.fraction + spec.input_format(layer).fraction - formats.gradient.fraction;
  const int to_step = formats.gradient.fraction + spec.lr - formats.master.fraction;
  return spec.batch == 1 && product <= 32 && formats.gradient.bits <= 31 &&
         formats.master.bits <= 30 && to_gradient >= 1 && to_gradient <= 31 && to_step >= 1 &&
         to_step <= 31;
}

std::vector<LayerArithmetic> layer_arithmetic(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  std::vector<LayerArithmetic> all;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const Format& input = spec.input_format(layer);
    const int sum = formats.weight.fraction + input.fraction;
    const bool is_last = layer + 1 == spec.layers();
    const int error =
        is_last ? formats.activation.fraction : formats.weight.fraction + formats.error.fraction;
    all.push_back({fitting(sum, formats.activation), fitting(sum + spec.leak, formats.activation),
                   fitting(error, formats.error), fitting(error + spec.leak, formats.error),
                   fitting(formats.error.fraction + input.fraction, formats.gradient),
                   one_of(input), spec.activation_of(layer), updates_in_32_bits(spec, layer)});
  }
  return all;
}

std::size_t weight_bytes(const NetworkSpec& spec) {
  const TensorFormats& formats = spec.formats;
  for (const Format* format : in_order(formats))
    if (format != &formats.accumulator && format->bits > 32) return 8;
  return formats.master.bits <= 16 ? 2 : 4;
}

NetworkLaunch choose_network_launch(const NetworkPlaces& places, std::size_t word, bool in_batches,
                                    bool counts, const DeviceLimits& limits) {
  NetworkLaunch launch;
  launch.word = counts ? sizeof(std::int64_t) : word;
  launch.counts = counts;
  const std::uint64_t warps = places.weights / (weights_of_lane * warp_lanes) + 1;
  launch.lanes = warp_lanes * static_cast<std::uint32_t>(
                                  std::min<std::uint64_t>(warps, most_network_lanes / warp_lanes));
  launch.shared_bytes = launch.lanes * sizeof(std::int64_t);  // parts of sums
  const auto fits = [&](std::uint64_t bytes) {
    if (launch.shared_bytes + bytes > limits.shared_of_block) return false;
    launch.shared_bytes += bytes;
    return true;
  };
  launch.shared_vectors = !in_batches && fits(places.vectors.words * sizeof(std::int64_t));
  launch.shared_weights =
      !counts && (launch.shared_vectors || in_batches) && fits(places.weights * launch.word);
  return launch;
}

std::uint64_t network_bytes(const NetworkPlaces& places, const NetworkLaunch& launch,
                            std::uint32_t batch, std::uint64_t judged) {
  const std::uint64_t layers = places.layers.size();
  const std::uint64_t of_lane =
      sizeof(LayerSums) + (launch.counts ? sizeof(LayerCounts) : std::size_t{0});
  const std::uint64_t vectors =
      launch.shared_vectors ? 0 : places.vectors.words * sizeof(std::int64_t) * batch;
  return places.weights * launch.word + vectors + layers * (launch.lanes + 1) * of_lane +
         sizeof(DeviceNetwork) + layers * sizeof(LayerArithmetic) + sizeof(std::uint64_t) +
         (judged / 64 + 2) * sizeof(std::uint64_t) + 256 * sizeof(std::int64_t);
}

}  // namespace gridrun::cuda
