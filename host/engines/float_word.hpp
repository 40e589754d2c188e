// What a digest takes a weight of binary64 as. docs/arithmetic.md, part 10.
#pragma once

#include <bit>
#include <cstdint>

namespace gridrun {

/// The bits of a weight; all that are not a number have the same.
inline std::int64_t word_of(double weight) {
  constexpr std::uint64_t not_a_number = 0x7FF8000000000000;
  return static_cast<std::int64_t>(weight == weight ? std::bit_cast<std::uint64_t>(weight)
                                                    : not_a_number);
}

}  // namespace gridrun
