// The processor's peak of 16-bit multiply-adds, for the share of it that training reaches.
#pragma once

#include <cstddef>

namespace gridrun {

/// Multiplies words and adds the products up in 32-bit lanes, as many at a time as the processor
/// can keep in flight, with all operands in registers. Returns how many multiply-adds that were.
std::size_t multiply_add(std::size_t rounds);

}  // namespace gridrun
