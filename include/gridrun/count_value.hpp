// Host and device: a value on its way into a format, counted. docs/arithmetic.md, 8.7.
#pragma once

#include <cstdint>

#include "gridrun/arithmetic.hpp"
#include "gridrun/diagnostics.hpp"
#include "gridrun/format.hpp"

namespace gridrun {

/// Bits of the shortest word that holds value * 2^left, left >= 0, whose format overflows so:
/// `saturate_symmetric` leaves out the most negative word.
GRIDRUN_HOST_DEVICE constexpr int word_width(std::int64_t value, Overflow overflow, int left = 0) {
  if (value == 0) return 1;
  const std::uint64_t size = magnitude(value);
  const bool is_left_out =
      overflow == Overflow::saturate_symmetric && value < 0 && (size & (size - 1)) == 0;
  return word_width(value) + left + is_left_out;
}

/// Counts value * 2^left, rounded but not yet overflowed.
GRIDRUN_HOST_DEVICE constexpr void count_value(TensorDiagnostics& of, std::int64_t value,
                                               const Format& format, int left = 0) {
  const int width = word_width(value, format.overflow, left);
  if (width > of.bits) of.bits = width;
  of.overflowed += width > format.bits;
}

}  // namespace gridrun
