#include "gridrun/engine.hpp"

#include <utility>

namespace gridrun {

Outcomes Engine::train(const StagedSweep& sweep, Progress& progress) {
  Outcomes outcomes(sweep.networks.size());
  train(sweep, progress, [&](std::size_t n, Outcome outcome) { outcomes[n] = std::move(outcome); });
  return outcomes;
}

}  // namespace gridrun
