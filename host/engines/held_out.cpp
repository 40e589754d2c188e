#include "engines/held_out.hpp"

#include "base/parallel.hpp"
#include "engines/reference/reference_network.hpp"

namespace gridrun {

void judge_held_out(const StagedSweep& sweep, Outcomes& outcomes, unsigned threads,
                    const Progress& progress) {
  if (sweep.held_out.empty()) return;
  parallel_for(outcomes.size(), threads, [&](std::size_t n) {
    Outcome& outcome = outcomes[n];
    const ReferenceNetwork network(sweep.networks[n], outcome.weights);
    outcome.held_out_right = held_out_right(network, sweep, progress);
    if (!sweep.keep_weights) outcome.weights = {};
  });
}

}  // namespace gridrun
