#include "winners.hpp"

#include <algorithm>
#include <limits>

namespace gridrun {

// With ReLU all activations are at least 0, and one of 0 wins only as neuron 0's: that is where the
// search may begin, and neurons need not say that they are 0.
Winners::Winners(std::size_t steps, Activation activation)
    : least_(activation == Activation::relu ? 0.0 : -std::numeric_limits<double>::infinity()),
      best_(steps * group_lanes),
      index_(steps * group_lanes) {
  clear();
}

void Winners::clear() {
  std::fill(best_.begin(), best_.end(), least_);
  std::fill(index_.begin(), index_.end(), 0);
}

void Winners::merge(const ActivationLog& log, std::size_t which) {
  const auto neuron = static_cast<double>(which);
  for (std::size_t i = 0; i < log.size(); ++i) {
    const double* const activations = log.activations(i);
    double* const best = &best_[log.step(i) * group_lanes];
    double* const index = &index_[log.step(i) * group_lanes];
    for (std::size_t lane = 0; lane < group_lanes; ++lane) {
      const double a = activations[lane];
      const bool better = (a > best[lane]) | ((a == best[lane]) & (neuron < index[lane]));
      best[lane] = better ? a : best[lane];
      index[lane] = better ? neuron : index[lane];
    }
  }
}

}  // namespace gridrun
