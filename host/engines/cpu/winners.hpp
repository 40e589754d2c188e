// Which neuron of each network has the largest activation, step by step of a block.
#pragma once

#include <cstddef>
#include <vector>

#include "engines/cpu/neuron.hpp"

namespace gridrun {

class Winners {
 public:
  Winners(std::size_t steps, Activation activation);

  /// Forgets all neurons.
  void clear();

  /// Takes a neuron's activations into account. The order of the neurons does not matter: of
  /// equals, compared as binary64, the first index wins.
  void merge(const ActivationLog& log, std::size_t neuron);

  /// The winner of a step of the block, for one lane.
  std::size_t winner(std::size_t step, std::size_t lane) const {
    return static_cast<std::size_t>(index_[step * group_lanes + lane]);
  }

  /// Its activation, or what is below all. With ReLU, 0 where none is above.
  double activation(std::size_t step, std::size_t lane) const {
    return best_[step * group_lanes + lane];
  }

 private:
  double least_;               // where a neuron that logs nothing stands
  std::vector<double> best_;   // [step][lane]
  std::vector<double> index_;  // [step][lane], whole numbers: the same type makes one SIMD loop
};

}  // namespace gridrun
