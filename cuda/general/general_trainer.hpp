// Host: trains networks of any arithmetic in fixed point on a Device.
#pragma once

#include "batched_engine.hpp"
#include "gridrun/engine.hpp"

namespace gridrun::cuda {

/// Trains all networks of a sweep, in as many batches as the device's memory asks for, and hands
/// over their outcomes; diagnostics are of the steps only.
void train_general_networks(Device& device, const StagedSweep& sweep, const Tuning& tuning,
                            Progress& progress, BatchedEngine::Record& record,
                            const TakeOutcome& take);

/// Engine::memory_needed for it.
double general_trainer_memory_needed(const StagedSweep& sweep);

}  // namespace gridrun::cuda
