#include "engines/add_start_diagnostics.hpp"

#include <memory>
#include <utility>

#include "staging/start_diagnostics.hpp"

namespace gridrun {

TakeOutcome add_start_diagnostics(const StagedSweep& sweep, const TakeOutcome& take) {
  if (!sweep.diagnose) return take;
  const auto start = std::make_shared<const StartDiagnostics>(sweep);
  return [&sweep, &take, start](std::size_t n, Outcome outcome) {
    const std::vector<LayerDiagnostics> layers = start->of(sweep.networks[n]);
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
      outcome.diagnostics[layer].add(layers[layer]);
    take(n, std::move(outcome));
  };
}

}  // namespace gridrun
