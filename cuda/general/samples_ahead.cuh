// Device: the samples of a launch. While one is trained the next are read, so that nobody waits for
// global memory: where a sample's inputs are, a step before each lane's first input as it is
// stored, and then its word.
#pragma once

#include "general/network_block.cuh"

namespace gridrun::cuda {

/// The sample at hand.
template <class T>
struct StepSample {
  std::uint32_t step, label;
};

/// Gives a launch's samples in turn.
template <class T>
class SamplesAhead {
 public:
  using Value = typename T::Value;

  __device__ __forceinline__ explicit SamplesAhead(const NetworkBlock<T>& block) {
    next_ = place(block, 0);
    after_next_ = place(block, 1);
    read_ahead(block);
    make_word_ahead(block);
  }

  /// Lists the inputs of the next sample, which is the launch's ith, begins all other lists and
  /// waits for the lanes of the block; then begins to read the sample after it.
  __device__ __forceinline__ StepSample<T> take(const NetworkBlock<T>& block, std::uint32_t i) {
    const NetworkArguments& arguments = block.arguments;
    const std::uint32_t step = arguments.first_step + i, label = next_.label;
    list_inputs(block);
    __syncthreads();
    next_ = after_next_;
    after_next_ = place(block, i + 2);
    read_ahead(block);
    return {step, label};
  }

  /// Makes a word of what was read ahead, when it has come.
  __device__ __forceinline__ void make_word_ahead(const NetworkBlock<T>& block) {
    if (has_input_ahead(block)) word_ahead_ = word_of(block, byte_ahead_, real_ahead_);
  }

 private:
  struct SamplePlace {
    std::uint32_t begin, end, label;
  };

  /// Where the ith sample of the launch is; the last one after it.
  static __device__ __forceinline__ SamplePlace place(const NetworkBlock<T>& block,
                                                      std::uint32_t i) {
    const std::uint32_t known = min(i, block.arguments.step_count - 1);
    const StepInputs& steps = block.arguments.steps;
    const std::uint32_t begin = known * block.place(0).inputs;
    return {begin, begin + steps.counts[known], steps.labels[known]};
  }

  __device__ __forceinline__ bool has_input_ahead(const NetworkBlock<T>& block) const {
    return next_.begin + block.lane < next_.end;
  }

  __device__ __forceinline__ void read_ahead(const NetworkBlock<T>& block) {
    if (!has_input_ahead(block)) return;
    const StepInputs& steps = block.arguments.steps;
    const std::uint32_t at = next_.begin + block.lane;
    index_ahead_ = steps.index[at];
    if (steps.bytes != nullptr)
      byte_ahead_ = steps.bytes[at];
    else
      real_ahead_ = steps.reals[at];
  }

  /// The word of an input as it is stored: a byte, or else a real.
  static __device__ __forceinline__ Value word_of(const NetworkBlock<T>& block, std::uint8_t byte,
                                                  double real) {
    const NetworkArguments& arguments = block.arguments;
    const DeviceNetwork& network = block.network;
    if (arguments.steps.bytes != nullptr)
      return static_cast<Value>(arguments.byte_words[std::size_t{network.input_list} * 256 + byte]);
    return static_cast<Value>(overflowed(quantise(real, network.input_fraction), network.input.bits,
                                         network.input.overflow));
  }

  /// Lists the next sample's inputs, and begins all other lists.
  __device__ __forceinline__ void list_inputs(const NetworkBlock<T>& block) const {
    const LayerPlace& at = block.place(0);
    const std::uint32_t units = at.units, count = next_.end - next_.begin;
    const std::uint32_t lane = block.lane, lanes = block.lanes;
    auto* const list = block.inputs(at);
    const auto put = [&](std::uint32_t i, std::uint32_t index, Value x) {
      list[i] = {static_cast<std::make_unsigned_t<Value>>(std::uint64_t{index} * units), x};
    };
    if (has_input_ahead(block)) put(lane, index_ahead_, word_ahead_);
    const StepInputs& steps = block.arguments.steps;
    for (std::uint32_t i = lane + lanes; i < count; i += lanes) {
      const std::uint32_t from = next_.begin + i;
      put(i, steps.index[from],
          steps.bytes != nullptr ? word_of(block, steps.bytes[from], 0)
                                 : word_of(block, 0, steps.reals[from]));
    }
    for (std::uint32_t i = lane; i < 2 * block.arguments.layers; i += lanes) block.counters[i] = 0;
    if (lane == 0) {
      if (block.network.bias) put(count, at.inputs, static_cast<Value>(block.arithmetic[0].one));
      *block.input_count(0) = count + block.network.bias;
    }
  }

  SamplePlace next_, after_next_;
  std::uint32_t index_ahead_ = 0;  // of this lane's first input of the next sample
  std::uint8_t byte_ahead_ = 0;
  double real_ahead_ = 0;
  Value word_ahead_ = 0;
};

}  // namespace gridrun::cuda
