#include "data/largest_input.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace gridrun {
namespace {

/// The largest |stored value|.
double largest_value(const Dataset& dataset) {
  if (const auto* bytes = std::get_if<0>(&dataset.values)) {
    constexpr std::uint8_t most = 255;
    if (std::memchr(bytes->data(), most, bytes->size())) return most;  // pictures have one soon
    std::uint8_t largest = 0;  // a byte, not a double: 16 or more at a time, of tens of millions
    for (const std::uint8_t byte : *bytes) largest = std::max(largest, byte);
    return largest;
  }
  double largest = 0.0;
  for (const double value : std::get<1>(dataset.values))
    largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

double largest_input(const Dataset& dataset) { return largest_value(dataset) / dataset.scale; }

}  // namespace gridrun
