// Random words that the networks of a group share: they depend on the step, the layer, the tensor,
// the element and the seed alone, and are drawn once for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engines/cpu/general/general_network.hpp"

namespace gridrun {

/// Which tensors of some networks of the same layers and seed round at random.
struct NoiseNeeds {
  bool activation = false, error = false, gradient = false, master = false;
  bool low_halves = false;  // of words of gradients and masters, for shifts of 16 places or more

  void add(const NetworkSpec& spec);
};

/// Whether any tensor of a network rounds at random.
bool needs_noise(const NetworkSpec& spec);

/// Bytes of a step's random words, for samples of `inputs` inputs that are not zero.
double noise_bytes(const NetworkSpec& spec, const NoiseNeeds& needs, double inputs);

/// The random words of a block of samples, for networks with a batch of one sample.
template <class Word>
class SharedNoise {
 public:
  /// Draws those of the steps first_step, first_step + 1 ..., one a sample of the block. `spec` is
  /// any of the networks.
  void draw(const NetworkSpec& spec, const NoiseNeeds& needs, const StoredBlock& block,
            std::uint32_t first_step);

  /// Those of each step of the block, or none if nothing was drawn.
  std::span<const StepNoise<Word>> steps() const { return steps_; }

 private:
  using Noise = NoiseWord<Word>;

  std::vector<std::uint32_t> units_;  // [layer][activation, error][step][unit]
  std::vector<Noise> rows_;  // [half][layer][gradient, master][place or step and row][unit]
  std::vector<StepNoise<Word>> steps_;
  std::vector<std::uint32_t> index_;  // of a sample's rows
};

}  // namespace gridrun
