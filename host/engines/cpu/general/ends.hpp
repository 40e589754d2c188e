// Between which ends some words lie.
#pragma once

#include <algorithm>
#include <cstdint>

#include "gridrun/arithmetic.hpp"

namespace gridrun {

/// The least and the largest of some words, and of 0, and their sum modulo 2^64.
struct Ends {
  std::int64_t least = 0, most = 0, sum = 0;

  /// Takes in `count` words of one value.
  void add(std::int64_t word, std::uint64_t count = 1) {
    least = std::min(least, word);
    most = std::max(most, word);
    sum = wrapping_add(sum, wrapping_multiply(word, static_cast<std::int64_t>(count)));
  }

  std::uint64_t largest_magnitude() const { return std::max(magnitude(least), magnitude(most)); }
};

}  // namespace gridrun
