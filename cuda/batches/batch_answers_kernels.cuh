// Device: whether the answers of a batch were right, the errors of the last layer, and the layers
// in which no unit was active. Paragraphs 5.5, 5.7 and 8.7 of docs/arithmetic.md.
#pragma once

#include "batches/batch_errors_kernel.cuh"
#include "general/arg_max.cuh"

namespace gridrun::cuda {

/// A warp a sample of a network.
template <class T>
__global__ void __launch_bounds__(part_lanes) batch_answers_kernel(BatchArguments arguments) {
  const NetworkArguments& all = arguments.all;
  const std::uint64_t i =
      ((std::uint64_t{blockIdx.x} + arguments.first_block) * part_lanes + threadIdx.x) / warp_lanes;
  const auto network = static_cast<std::uint32_t>(i / arguments.samples);
  const auto sample = static_cast<std::uint32_t>(i % arguments.samples);
  if (network >= all.network_count) return;  // a whole warp
  const std::uint32_t layer = all.layers - 1, units = all.places[layer].units;
  const BatchNetwork<T> own(arguments, network);
  const BatchErrors<T> errors(arguments, own, layer);
  const std::uint32_t lane = threadIdx.x % warp_lanes;
  const std::uint32_t label = arguments.labels[arguments.first + sample];
  const auto* const activations =
      own.activations(layer) + std::size_t{sample} * arguments.places[layer].stride;
  const std::uint32_t answer =
      warp_arg_max<typename T::Value>(units, [&](std::uint32_t j) { return activations[j]; });
  if (lane == 0 && answer == label) {
    const std::uint32_t step = arguments.step + sample;
    auto* const words =
        reinterpret_cast<std::uint64_t*>(all.right + std::size_t{network} * all.right_stride);
    atomic_or(words + step / 64, std::uint64_t{1} << step % 64);
  }
  if (all.judges) return;
  LayerDiagnostics counts;
  TensorDiagnostics* const counted = T::counts ? &counts.of(Tensor::error) : nullptr;
  for (std::uint32_t j = lane; j < units; j += warp_lanes)
    errors.store(
        j, sample, errors.gate(j, sample),
        [&] {
          const std::int64_t target = j == label ? own.network().target : 0;
          return wrapping_subtract(target, std::int64_t{activations[j]});
        },
        counted);
  if constexpr (T::counts) add_to_network(own.counts(layer), counts);
}

/// A warp a sample in a layer of a network, before any errors of the batch are known.
template <class T>
__global__ void __launch_bounds__(part_lanes) batch_inactive_kernel(BatchArguments arguments) {
  const NetworkArguments& all = arguments.all;
  const std::uint64_t i =
      ((std::uint64_t{blockIdx.x} + arguments.first_block) * part_lanes + threadIdx.x) / warp_lanes;
  const std::uint64_t place = i / arguments.samples;  // of the layer, among those of all networks
  const auto sample = static_cast<std::uint32_t>(i % arguments.samples);
  if (place >= std::uint64_t{all.network_count} * all.layers) return;  // a whole warp
  const auto layer = static_cast<std::uint32_t>(place % all.layers);
  const BatchNetwork<T> own(arguments, static_cast<std::uint32_t>(place / all.layers));
  const BatchErrors<T> errors(arguments, own, layer);
  const std::uint32_t units = all.places[layer].units, lane = threadIdx.x % warp_lanes;
  bool any = false;
  for (std::uint32_t first = 0; first < units && !any; first += warp_lanes)
    any = __any_sync(all_lanes,
                     first + lane < units && errors.is_active(errors.gate(first + lane, sample)));
  if (lane != 0) return;
  if (any)
    atomic_max(&arguments.last_active[place], std::uint64_t{arguments.step} + sample + 1);
  else
    atomic_add(&all.lane_counts[place].inactive, std::uint64_t{1});
}

}  // namespace gridrun::cuda
