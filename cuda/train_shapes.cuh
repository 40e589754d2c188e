// Device: the shapes that train_kernel is compiled for; train_plan.cpp's shapes_of lists the same.
#pragma once

#include <string>
#include <type_traits>

#include "device.hpp"
#include "train_kernel.cuh"
#include "training_list.cuh"

namespace gridrun::cuda {

template <typename Word>
using CompiledTrainings = std::conditional_t<
    sizeof(Word) == 4,
    TrainingList<Training<std::int32_t, 32, 1, true>, Training<std::int32_t, 32, 2, true>,
                 Training<std::int32_t, 32, 4, true>, Training<std::int32_t, 16, 4, true>,
                 Training<std::int32_t, 8, 4, true>, Training<std::int32_t, 4, 4, true>,
                 Training<std::int32_t, 32, 1, false>,
                 Diagnosed<Training<std::int32_t, 32, 2, true>>,
                 Diagnosed<Training<std::int32_t, 8, 2, true>>,
                 Diagnosed<Training<std::int32_t, 32, 1, false>>>,
    TrainingList<Training<std::int64_t, 32, 1, true>, Training<std::int64_t, 4, 1, true>,
                 Training<std::int64_t, 32, 1, false>,
                 Diagnosed<Training<std::int64_t, 32, 1, true>>,
                 Diagnosed<Training<std::int64_t, 4, 1, true>>,
                 Diagnosed<Training<std::int64_t, 32, 1, false>>>>;

template <typename T>
bool is_training(const TrainLaunch& launch) {
  return launch.shape == Shape{T::lanes, T::neurons} && launch.shared == T::shared &&
         launch.diagnose == T::counting;
}

inline std::string name_of(const TrainLaunch& launch) {
  return std::to_string(launch.shape.neurons) + " neurons on " +
         std::to_string(launch.shape.lanes) + " lanes";
}

}  // namespace gridrun::cuda
