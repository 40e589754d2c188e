// Device: the kernels that train in batches of samples, and which of them a launch names.
#pragma once

#include <string>

#include "batches/batch_answers_kernels.cuh"
#include "batches/batch_errors_kernel.cuh"
#include "batches/batch_forward_kernel.cuh"
#include "batches/batch_inputs_kernels.cuh"
#include "batches/batch_update_kernel.cuh"
#include "training_list.cuh"

namespace gridrun::cuda {

/// Of what network_kinds.cpp makes of networks.
using CompiledBatchTrainings =
    TrainingList<BatchTraining<std::int16_t, 1>, BatchTraining<std::int16_t, 2>,
                 BatchTraining<std::int32_t, 1>, BatchTraining<std::int32_t, 2>,
                 BatchTraining<std::int32_t, 3>, BatchTraining<std::int32_t, 4>,
                 BatchTraining<std::int64_t, 0>, BatchTraining<std::int64_t, 0, true>>;

template <typename T>
bool is_training(const BatchLaunch& launch) {
  return launch.word == sizeof(typename T::Word) && launch.planes == T::planes &&
         launch.counts == T::counts;
}

inline std::string name_of(const BatchLaunch& launch) {
  return "batches in words of " + std::to_string(launch.word) + " bytes with factors of " +
         std::to_string(launch.planes);
}

/// Of a part that multiplies no weights, and so is the same for all words that have such values.
template <typename Visit>
void visit_values(const BatchLaunch& launch, Visit&& visit) {
  if (launch.planes != 0)
    visit(BatchTraining<std::int32_t, 1>{});
  else if (launch.counts)
    visit(BatchTraining<std::int64_t, 0, true>{});
  else
    visit(BatchTraining<std::int64_t, 0>{});
}

/// Calls visit(kernel, bytes of shared memory of a block).
template <typename Visit>
void visit_batch_kernel(const BatchLaunch& launch, Visit&& visit) {
  switch (launch.part) {
    case BatchPart::copies:
      if (launch.planes != 0)
        visit(batch_copies_kernel<std::int32_t>, 0);
      else
        visit(batch_copies_kernel<std::int64_t>, 0);
      return;
    case BatchPart::inputs:
      if (launch.planes != 0)
        visit(batch_inputs_kernel<std::int32_t>, 0);
      else
        visit(batch_inputs_kernel<std::int64_t>, 0);
      return;
    case BatchPart::answers:
      visit_values(launch, [&](auto of) { visit(batch_answers_kernel<decltype(of)>, 0); });
      return;
    case BatchPart::inactive:
      visit(batch_inactive_kernel<BatchTraining<std::int64_t, 0, true>>, 0);
      return;
    case BatchPart::forward:
    case BatchPart::errors:
    case BatchPart::update:
      break;
  }
  visit_training(launch, CompiledBatchTrainings{}, [&](auto training) {
    using T = decltype(training);
    visit(launch.part == BatchPart::forward  ? batch_forward_kernel<T>
          : launch.part == BatchPart::errors ? batch_errors_kernel<T>
                                             : batch_update_kernel<T>,
          tile_shared_bytes<typename T::Products>());
  });
}

}  // namespace gridrun::cuda
