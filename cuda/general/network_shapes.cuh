// Device: what network_kernel is compiled for.
#pragma once

#include <string>

#include "general/network_kernel.cuh"
#include "training_list.cuh"

namespace gridrun::cuda {

/// Weights are in shared memory only where vectors are, and those of 16 bits only of plain
/// networks: the kernel of others would spill registers, to win 3 %. Counting is done in words of
/// 64 bits only, and never with weights in shared memory: it is slower as it is.
using CompiledNetworkTrainings = TrainingList<
    NetworkTraining<std::int16_t, true, true, true>,
    NetworkTraining<std::int16_t, false, true, true>, NetworkTraining<std::int16_t, false, true>,
    NetworkTraining<std::int16_t, false, false>, NetworkTraining<std::int32_t, true, true, true>,
    NetworkTraining<std::int32_t, false, true, true>, NetworkTraining<std::int32_t, true, true>,
    NetworkTraining<std::int32_t, false, true>, NetworkTraining<std::int32_t, false, false>,
    NetworkTraining<std::int64_t, true, true>, NetworkTraining<std::int64_t, false, true>,
    NetworkTraining<std::int64_t, false, false>,
    NetworkTraining<std::int64_t, false, true, false, true>,
    NetworkTraining<std::int64_t, false, false, false, true>>;

template <typename T>
bool is_training(const NetworkLaunch& launch) {
  return launch.word == sizeof(typename T::Word) && launch.shared_weights == T::shared_weights &&
         launch.shared_vectors == T::shared_vectors && launch.plain == T::plain &&
         launch.counts == T::counts;
}

inline std::string name_of(const NetworkLaunch& launch) {
  return "networks in words of " + std::to_string(launch.word) + " bytes that are laid out so";
}

}  // namespace gridrun::cuda
