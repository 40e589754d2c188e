// Device: the shapes that train_kernel is compiled for; train_plan.cpp's shapes_of lists the same.
#pragma once

#include <string>
#include <utility>

#include "device.hpp"
#include "gridrun/error.hpp"
#include "train_kernel.cuh"

namespace gridrun::cuda {

template <typename... Trainings>
struct TrainingList {};

template <typename Word>
struct CompiledTrainings;
template <>
struct CompiledTrainings<std::int32_t> {
  using List =
      TrainingList<Training<std::int32_t, 32, 1, true>, Training<std::int32_t, 32, 2, true>,
                   Training<std::int32_t, 32, 4, true>, Training<std::int32_t, 16, 4, true>,
                   Training<std::int32_t, 8, 4, true>, Training<std::int32_t, 4, 4, true>,
                   Training<std::int32_t, 32, 1, false>,
                   Diagnosed<Training<std::int32_t, 32, 2, true>>,
                   Diagnosed<Training<std::int32_t, 8, 2, true>>,
                   Diagnosed<Training<std::int32_t, 32, 1, false>>>;
};
template <>
struct CompiledTrainings<std::int64_t> {
  using List = TrainingList<Training<std::int64_t, 32, 1, true>, Training<std::int64_t, 4, 1, true>,
                            Training<std::int64_t, 32, 1, false>,
                            Diagnosed<Training<std::int64_t, 32, 1, true>>,
                            Diagnosed<Training<std::int64_t, 4, 1, true>>,
                            Diagnosed<Training<std::int64_t, 32, 1, false>>>;
};

template <typename T>
bool is_training(const TrainLaunch& launch) {
  return launch.shape == Shape{T::lanes, T::neurons} && launch.shared == T::shared &&
         launch.diagnose == T::counting;
}

/// Calls `visit` with the Training that a launch names. Throws RunError when there is none.
template <typename Visit, typename... Trainings>
void visit_training(const TrainLaunch& launch, TrainingList<Trainings...>, Visit&& visit) {
  const bool found = ((is_training<Trainings>(launch) && (visit(Trainings{}), true)) || ...);
  if (!found)
    throw RunError("no training kernel for " + std::to_string(launch.shape.neurons) +
                   " neurons on " + std::to_string(launch.shape.lanes) + " lanes");
}

}  // namespace gridrun::cuda
