#include "batches/batch_passes.hpp"

#include <algorithm>

namespace gridrun::cuda {
namespace {

constexpr std::uint64_t most_input_values = std::uint64_t{1} << 25;  // of a launch, in all formats

/// Words of 64 bits that hold so many bytes.
std::uint64_t words_of(std::uint64_t bytes) {
  return (bytes + sizeof(std::int64_t) - 1) / sizeof(std::int64_t);
}

std::uint64_t input_values(const NetworkPlaces& places, std::size_t formats) {
  return formats * BatchPlaces(places.layers, 0).input_stride;
}

}  // namespace

BatchPasses::BatchPasses(Device& device, const NetworkPlaces& places, const NetworkLaunch& launch,
                         const std::vector<InputFormat>& formats, double scale,
                         std::uint32_t networks, std::size_t held_out, bool copies,
                         std::uint32_t launch_blocks, const Progress& progress)
    : device_(device),
      places_(places),
      batch_(launch.batch),
      samples_at_once_(samples_at_once(launch.batch, held_out)),
      launch_blocks_(launch_blocks),
      batch_places_(places.layers, samples_at_once_),
      place_list_(device, batch_places_.layers),
      formats_(device, formats),
      values_(device, words_of(networks * batch_places_.values * places.value_bytes())),
      copies_(device, copies ? words_of(networks * copy_bytes(places)) : 0),
      last_active_(device, launch.counts ? networks * places.layers.size() : 0),
      progress_(progress) {
  launch_.word = launch.word;
  launch_.planes = launch.planes;
  launch_.counts = launch.counts;
  arguments_.places = place_list_.data();
  arguments_.formats = formats_.data();
  arguments_.scale = scale;
  arguments_.values = values_.data();
  arguments_.copies = copies_.data();
  arguments_.last_active = last_active_.data();
  arguments_.values_stride = batch_places_.values;
  arguments_.formats_count = static_cast<std::uint32_t>(formats.size());
  arguments_.input_stride = batch_places_.input_stride;
}

void BatchPasses::begin(const NetworkArguments& all) {
  arguments_.all = all;
  last_active_.clear();
  if (copies_.size() != 0) launch(BatchPart::copies);
}

void BatchPasses::run(const NetworkArguments& all, const StoredSamples& samples) {
  arguments_.all = all;
  if (all.judges) launch_.counts = false;
  arguments_.stored = samples.values;
  arguments_.stored_bytes = samples.bytes;
  arguments_.stored_samples = samples.count;
  arguments_.labels = samples.labels;
  arguments_.inputs =
      inputs_.room(device_, words_of(input_bytes(places_, formats_.size(), samples.count)));
  launch(BatchPart::inputs);
  const std::uint32_t at_once = all.judges ? samples_at_once_ : batch_;
  const auto layers = static_cast<std::uint32_t>(places_.layers.size());
  for (std::uint32_t first = 0; first < samples.count; first += at_once) {
    arguments_.first = first;
    arguments_.samples = std::min(at_once, samples.count - first);
    arguments_.step = all.first_step + first;
    arguments_.batch = arguments_.step / batch_;
    for (std::uint32_t layer = 0; layer < layers; ++layer) launch(BatchPart::forward, layer);
    if (launch_.counts) launch(BatchPart::inactive);  // of activations, whose places errors take
    launch(BatchPart::answers);
    if (all.judges) continue;
    for (std::uint32_t layer = layers - 1; layer-- > 0;) launch(BatchPart::errors, layer);
    if (arguments_.samples < batch_) continue;
    for (std::uint32_t layer = 0; layer < layers; ++layer) launch(BatchPart::update, layer);
  }
}

void BatchPasses::launch(BatchPart part, std::uint32_t layer) {
  launch_.part = part;
  arguments_.layer = layer;
  const std::uint64_t blocks = blocks_of(launch_, arguments_, places_.layers);
  const std::uint64_t products = products_of_block(launch_, arguments_, places_.layers);
  const std::uint32_t most = std::min(launch_blocks_, most_launch_blocks(products));
  for (std::uint64_t first = 0; first < blocks; first += most) {
    arguments_.first_block = static_cast<std::uint32_t>(first);
    launch_.blocks = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, blocks - first));
    device_.run(launch_, arguments_);
    pending_products_ += launch_.blocks * products;
    if (pending_products_ >= most_products) {
      device_.wait();
      pending_products_ = 0;
      progress_.throw_if_stopped();
    }
  }
}

std::uint32_t BatchPasses::most_steps(const NetworkPlaces& places, std::size_t formats,
                                      std::uint32_t batch) {
  const auto fitting = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(most_input_values / input_values(places, formats), UINT32_MAX));
  return std::max(batch, fitting / batch * batch);
}

std::uint64_t BatchPasses::network_bytes(const NetworkPlaces& places, std::uint32_t batch,
                                         std::size_t held_out) {
  const BatchPlaces batch_places(places.layers, samples_at_once(batch, held_out));
  return batch_places.values * places.value_bytes() + places.layers.size() * sizeof(std::uint64_t) +
         sizeof(InputFormat);
}

std::uint64_t BatchPasses::copy_bytes(const NetworkPlaces& places) {
  return places.weights * places.word;
}

std::uint64_t BatchPasses::input_bytes(const NetworkPlaces& places, std::size_t formats,
                                       std::uint64_t steps) {
  return steps * input_values(places, formats) * places.value_bytes();
}

}  // namespace gridrun::cuda
