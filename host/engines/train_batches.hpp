// Several engines, one list of batches.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gridrun/engine.hpp"
#include "staging/plan.hpp"

namespace gridrun {

/// What training a list of batches needs of its caller. All may be called from several threads.
struct BatchTraining {
  /// Some networks by their numbers in the plan.
  std::function<std::vector<NetworkSpec>(const std::vector<std::uint32_t>& networks)> networks_of;

  /// The same ready to train.
  std::function<StagedSweep(std::vector<NetworkSpec>)> stage;

  /// Takes the outcome of the nth of the staged networks, by its number in the plan. What it throws
  /// ends all training.
  std::function<void(const Engine&, const StagedSweep&, std::size_t n, std::uint32_t network,
                     Outcome&&)>
      take;

  /// An engine begins a batch.
  std::function<void(const Engine&, const StagedSweep&)> begin;

  /// Tells of an engine that failed while others go on; what it had in work goes to them.
  std::function<void(const Engine&, const std::string& why)> failed;
};

/// Trains all batches, each engine taking the first that it can train whenever it is free. Returns
/// when all are trained. Throws Interrupted soon after `progress` is stopped, what `take` threw,
/// and, once no engine is left that could train what is left, what the last one threw.
void train_batches(const std::vector<std::unique_ptr<Engine>>& engines, std::vector<Batch> batches,
                   const BatchTraining& training, Progress& progress);

}  // namespace gridrun
