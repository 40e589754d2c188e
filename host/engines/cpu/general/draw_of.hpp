// What random words are of. docs/arithmetic.md, part 7.
#pragma once

#include <cstdint>

namespace gridrun {

/// Tensors that may round at random, as Philox's counter numbers them.
enum class Drawn : std::uint32_t { activation = 1, error = 2, gradient = 3, master = 4 };

/// What a tensor's random words depend on beside the element.
struct DrawOf {
  std::uint32_t t;  // the step, or for weights the batch
  std::uint32_t layer;
  Drawn tensor;
  std::uint32_t seed;
};

}  // namespace gridrun
