// Device: trains networks as docs/arithmetic.md defines them (parts 5 and 7), a block each, that
// update after every sample.
// Compiled by nvcc and, over the emulation, by the tests.
//
// A step lists a sample's inputs (samples_ahead.cuh), passes them through the layers (forward.cuh),
// notes whether the answer was right (answers.cuh), goes back with the errors (errors.cuh), and
// updates the weights (step_updates.cuh).
#pragma once

#include "general/answers.cuh"
#include "general/errors.cuh"
#include "general/forward.cuh"
#include "general/inactive_layers.cuh"
#include "general/samples_ahead.cuh"
#include "general/step_updates.cuh"

namespace gridrun::cuda {

/// What a block does with the samples of a launch.
template <class T>
class BlockTrainer {
 public:
  __device__ __forceinline__ explicit BlockTrainer(const NetworkArguments& arguments)
      : block_(arguments), samples_(block_) {}

  /// The ith step of the launch.
  __device__ __forceinline__ void train(std::uint32_t i) {
    const std::uint32_t layers = block_.arguments.layers;
    const StepSample<T> sample = answer(i);
    const std::uint32_t step = sample.step;
    if constexpr (T::counts)
      for (std::uint32_t layer = block_.lane; layer < layers; layer += block_.lanes)
        count_inactive(block_, layer);
    for (std::uint32_t layer = layers - 1; layer-- > 0;) hidden_errors(block_, layer, sample);
    for (std::uint32_t layer = 0; layer < layers; ++layer) update_layer(block_, layer, step);
    __syncthreads();
  }

  /// The ith sample of the held-out pass.
  __device__ __forceinline__ void judge(std::uint32_t i) {
    answer(i);
    __syncthreads();
  }

  __device__ __forceinline__ void finish() { block_.finish(); }

 private:
  /// Passes the ith sample through all layers and notes whether the network was right.
  /// Returns the sample.
  __device__ __forceinline__ StepSample<T> answer(std::uint32_t i) {
    const StepSample<T> sample = samples_.take(block_, i);
    forward(block_, sample);
    samples_.make_word_ahead(block_);
    if (block_.lane >= block_.lanes - warp_lanes)
      right_.note(block_, sample.step, i, gridrun::cuda::answer(block_) == sample.label);
    return sample;
  }

  NetworkBlock<T> block_;
  SamplesAhead<T> samples_;
  RightBits<T> right_;
};

/// Trains networks for some steps, or judges them by held-out samples, a block each.
template <class T>
__global__ void __launch_bounds__(T::lanes, T::least_blocks)
    network_kernel(NetworkArguments arguments) {
  const std::int64_t begin = clock64();
  BlockTrainer<T> trainer(arguments);
  if (arguments.judges) {
    for (std::uint32_t i = 0; i < arguments.step_count; ++i) trainer.judge(i);
  } else {
    for (std::uint32_t i = 0; i < arguments.step_count; ++i) trainer.train(i);
    trainer.finish();
  }
  if (threadIdx.x == 0)
    arguments.cycles[arguments.order[blockIdx.x]] = static_cast<std::uint64_t>(clock64() - begin);
}

}  // namespace gridrun::cuda
