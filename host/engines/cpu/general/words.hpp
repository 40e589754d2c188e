// Which words a network needs.
#pragma once

#include <cstdint>

#include "gridrun/network_spec.hpp"

namespace gridrun {

/// Bits of the words that hold a network's weights, inputs, activations and errors.
/// `guarded_32`: 32 while all of them fit, although their formats are wider; then 64.
enum class WordSize : std::uint8_t { bits_16, bits_32, guarded_32, bits_64 };

/// The smallest words that are exact for a network whose |x| are at most `largest_input`.
WordSize words_for(const NetworkSpec& spec, std::uint64_t largest_input);

/// The smallest of those in which networks count: copies in 16-bit words are shifted by fewer than
/// 16 places.
WordSize diagnosed_words_for(const NetworkSpec& spec, std::uint64_t largest_input);

}  // namespace gridrun
