#include "general/network_memory.hpp"

#include <algorithm>

#include "batches/batch_passes.hpp"
#include "general/step_samples.hpp"

namespace gridrun::cuda {
namespace {

/// Bytes of one network, but for its samples and for weights in a format of their own.
std::uint64_t network_bytes(const StagedSweep& sweep, const NetworkKind& kind,
                            const NetworkLayout& layout) {
  const NetworkPlaces& places = layout.places;
  const NetworkLaunch& launch = layout.launch;
  const std::uint64_t layers = places.layers.size();
  const std::uint64_t of_lane = sizeof(LayerSums) + (launch.counts ? sizeof(LayerDiagnostics) : 0);
  std::uint64_t bytes = places.weights * launch.word;
  if (!launch.shared_vectors) bytes += places.vector_words * sizeof(std::int64_t);
  bytes += layers * (launch.lanes + 1) * of_lane;  // and what they come to
  bytes += layers * (sizeof(LayerArithmetic) + sizeof(DrawnWeights)) + sizeof(DeviceNetwork);
  bytes += sizeof(std::uint32_t) + sizeof(std::uint64_t);  // its place in the order, its cycles
  bytes += sizeof(std::uint64_t);                          // its digest
  for (const std::size_t judged : {std::size_t{sweep.iterations}, sweep.held_out.size()})
    bytes += Bits::words_of(judged) * sizeof(std::uint64_t);
  if (kind.batch > 1)
    bytes += BatchPasses::network_bytes(places, kind.batch, sweep.held_out.size());
  return bytes;
}

/// Bytes of the samples of a launch, for networks with so many formats of inputs.
std::uint64_t sample_bytes(const StagedSweep& sweep, const NetworkKind& kind,
                           const NetworkPlaces& places, std::size_t formats) {
  const auto steps = [&](std::uint32_t most) {
    return std::min<std::uint64_t>(most,
                                   std::max<std::size_t>(sweep.iterations, sweep.held_out.size()));
  };
  const std::uint64_t byte_words = formats * 256 * sizeof(std::int64_t);
  if (kind.batch == 1)
    return byte_words + StepSamples::bytes(sweep, steps(StepSamples::most_steps(sweep)));
  const std::uint64_t of_batches = steps(BatchPasses::most_steps(places, formats, kind.batch));
  return byte_words + StepSamples::stored_bytes(sweep, of_batches) +
         BatchPasses::input_bytes(places, formats, of_batches);
}

}  // namespace

std::size_t networks_that_fit(const StagedSweep& sweep, std::span<const std::size_t> networks,
                              const NetworkKind& kind, const NetworkLayout& layout,
                              std::uint64_t memory) {
  const NetworkPlaces& places = layout.places;
  const std::uint64_t layers_and_places =
      places.layers.size() * (sizeof(LayerPlace) + sizeof(BatchPlace));
  std::uint64_t of_network = network_bytes(sweep, kind, layout);
  InputFormats formats;
  bool any_has_copies = false;
  for (std::size_t count = 0; count < networks.size(); ++count) {
    const NetworkSpec& spec = sweep.networks[networks[count]];
    formats.add(spec);
    if (!any_has_copies && kind.batch > 1 && spec.formats.has_copies()) {
      any_has_copies = true;  // all then have room for them
      of_network += BatchPasses::copy_bytes(places);
    }
    const std::uint64_t bytes = layers_and_places + (count + 1) * of_network +
                                sample_bytes(sweep, kind, places, formats.all().size());
    if (bytes > memory) return std::max<std::size_t>(count, 1);
  }
  return networks.size();
}

}  // namespace gridrun::cuda
