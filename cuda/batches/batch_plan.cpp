#include "batches/batch_plan.hpp"

#include <algorithm>

#include "gridrun/tensor_formats.hpp"
#include "train_types.hpp"

namespace gridrun::cuda {
namespace {

template <typename Count>
constexpr Count round_up(Count count) {
  return (count + values_together - 1) / values_together * values_together;
}

constexpr std::uint32_t most_blocks = 1U << 22;

/// As long as a value is read that nothing is multiplied by, so many products take, about: a tile
/// multiplies each value that it reads by 16 to 64.
constexpr std::uint64_t products_of_read = 32;

/// Test samples that pass at once, at least.
constexpr std::uint32_t judged_at_once = 256;

}  // namespace

BatchPlaces::BatchPlaces(const std::vector<LayerPlace>& places, std::uint32_t samples)
    : input_stride(round_up(places.front().inputs + 1)) {
  const auto take = [&](std::uint64_t of_sample) {
    const std::uint64_t first = values;
    values += of_sample * samples;
    return first;
  };
  for (const LayerPlace& layer : places) {
    BatchPlace place{};
    place.stride = round_up(layer.units + 1);
    place.activations = take(place.stride);
    place.errors = take(place.stride);
    layers.push_back(place);
  }
}

std::uint32_t factor_bytes(const NetworkSpec& spec, std::size_t word) {
  if (word == sizeof(std::int64_t)) return 0;
  const TensorFormats& formats = spec.formats;
  int bits = 0;
  for (const Format* factor :
       {&formats.weight, &formats.input, &formats.activation, &formats.error})
    bits = std::max(bits, factor->bits);
  return static_cast<std::uint32_t>(bits + 7) / 8;
}

std::uint32_t samples_at_once(std::uint32_t batch, std::size_t held_out) {
  return std::max(batch,
                  static_cast<std::uint32_t>(std::min<std::size_t>(held_out, judged_at_once)));
}

std::uint64_t blocks_of(const BatchLaunch& launch, const BatchArguments& arguments,
                        const std::vector<LayerPlace>& places) {
  const std::uint64_t networks = arguments.all.network_count;
  const LayerPlace& layer = places[arguments.layer];
  const std::uint32_t samples = arguments.samples;
  const std::uint32_t columns = tile_columns(launch.planes);
  switch (launch.part) {
    case BatchPart::copies:
      return networks * part_blocks(arguments.all.weights_stride);
    case BatchPart::inputs:
      return part_blocks(std::uint64_t{arguments.stored_samples} * (places.front().inputs + 1));
    case BatchPart::answers:
      return part_blocks(networks * samples * warp_lanes);
    case BatchPart::inactive:
      return part_blocks(networks * places.size() * samples * warp_lanes);
    case BatchPart::update:
      return networks * TileGrid(layer.inputs + 1, layer.units, columns).tiles;
    case BatchPart::forward:
    case BatchPart::errors:
      break;
  }
  return networks * TileGrid(layer.units, samples, columns).tiles;
}

std::uint64_t products_of_block(const BatchLaunch& launch, const BatchArguments& arguments,
                                const std::vector<LayerPlace>& places) {
  const std::uint64_t sums = tile_rows * tile_columns(launch.planes);
  if (launch.part == BatchPart::forward)
    return sums * (std::uint64_t{places[arguments.layer].inputs} + 1);
  if (launch.part == BatchPart::errors) return sums * places[arguments.layer + 1].units;
  if (launch.part == BatchPart::update) return sums * arguments.samples;
  std::uint32_t units = 0;  // that a lane's warp reads
  if (launch.part == BatchPart::answers) units = places.back().units;
  if (launch.part == BatchPart::inactive)
    for (const LayerPlace& layer : places) units = std::max(units, layer.units);
  return std::max<std::uint64_t>(1, part_lanes / warp_lanes * products_of_read * units);
}

std::uint32_t most_launch_blocks(std::uint64_t products_of_block) {
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(most_products / products_of_block, 1, most_blocks));
}

}  // namespace gridrun::cuda
