// Host: the list of what a kernel is compiled for, and the one of it that a launch names.
#pragma once

#include "gridrun/error.hpp"

namespace gridrun::cuda {

template <typename... Trainings>
struct TrainingList {};

/// Calls `visit` with the training T of a list for which is_training<T>(launch). Throws RunError
/// with name_of(launch) when there is none.
template <typename Launch, typename Visit, typename... Trainings>
void visit_training(const Launch& launch, TrainingList<Trainings...>, Visit&& visit) {
  const bool found = ((is_training<Trainings>(launch) && (visit(Trainings{}), true)) || ...);
  if (!found) throw RunError("no kernel for " + name_of(launch));
}

}  // namespace gridrun::cuda
