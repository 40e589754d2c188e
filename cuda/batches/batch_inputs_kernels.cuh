// Device: what a pass of samples begins with: the samples' inputs in the formats that networks have
// for them, and weights in the format that products use.
#pragma once

#include "batches/batch_types.hpp"
#include "general/unit_arithmetic.cuh"

namespace gridrun::cuda {

/// A lane an input, or the bias, of a sample, in every format.
template <typename Value>
__global__ void __launch_bounds__(part_lanes) batch_inputs_kernel(BatchArguments arguments) {
  const std::uint32_t inputs = arguments.all.places[0].inputs;
  const std::uint64_t i =
      (std::uint64_t{blockIdx.x} + arguments.first_block) * part_lanes + threadIdx.x;
  const std::uint64_t sample = i / (inputs + 1), input = i % (inputs + 1);
  if (sample >= arguments.stored_samples) return;
  double real = 0;
  if (input < inputs) {
    const std::uint64_t at = sample * inputs + input;
    real = arguments.stored_bytes ? static_cast<const std::uint8_t*>(arguments.stored)[at]
                                  : static_cast<const double*>(arguments.stored)[at];
    real /= arguments.scale;
  }
  for (std::uint32_t format = 0; format < arguments.formats_count; ++format) {
    const InputFormat& into = arguments.formats[format];
    const std::int64_t x =
        input < inputs
            ? overflowed_in<std::int64_t>(quantise(real, into.fraction), into.bits, into.overflow)
            : into.one;
    static_cast<Value*>(
        arguments.inputs)[(format * std::uint64_t{arguments.stored_samples} + sample) *
                              arguments.input_stride +
                          input] = static_cast<Value>(x);
  }
}

/// A lane a weight of a network.
template <typename Word>
__global__ void __launch_bounds__(part_lanes) batch_copies_kernel(BatchArguments arguments) {
  const std::uint64_t blocks = part_blocks(arguments.all.weights_stride);
  const std::uint64_t block = std::uint64_t{blockIdx.x} + arguments.first_block;
  const std::uint64_t i = block % blocks * part_lanes + threadIdx.x;
  const std::uint64_t network = block / blocks;
  const DeviceNetwork& of_network = arguments.all.networks[network];
  if (i >= arguments.all.weights_stride || !of_network.has_copies) return;
  const std::uint64_t at = network * arguments.all.weights_stride + i;
  static_cast<Word*>(arguments.copies)[at] = product_weight<true, Word>(
      of_network.copy, static_cast<const Word*>(arguments.all.weights)[at]);
}

}  // namespace gridrun::cuda
