// What random words are of. docs/arithmetic.md, part 7.
#pragma once

#include <cstdint>

#include "gridrun/philox.hpp"

namespace gridrun {

/// What a tensor's random words depend on beside the element.
struct DrawOf {
  std::uint32_t t;  // the step, or for weights the batch
  std::uint32_t layer;
  Drawn tensor;
  std::uint32_t seed;
};

}  // namespace gridrun
