// Device: how a value is brought into a format, by docs/arithmetic.md, parts 2 and 7.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"
#include "gridrun/count_value.hpp"
#include "gridrun/philox.hpp"

namespace gridrun::cuda {

/// The random numbers of one element of a tensor.
struct ElementDraw {
  std::uint32_t seed;
  Drawn tensor;
  std::uint32_t layer;
  std::uint32_t t;  // the step, or for weights the batch
  std::uint64_t element;
  bool is_half = false;  // R is half of a unit: in the held-out pass

  /// R of a shift.
  __device__ __forceinline__ std::uint64_t operator()(const Fitting& into) const {
    if (is_half) return std::uint64_t{1} << (into.shift - 1);
    const PhiloxBlock block = philox(
        {{static_cast<std::uint32_t>(element / 4), t, layer, static_cast<std::uint32_t>(tensor)}},
        seed, rounding_key);
    const auto place = static_cast<std::uint32_t>(element % 4);
    const std::uint32_t low = place == 0 ? block.word[0] : block.word[1];
    const std::uint32_t high = place == 2 ? block.word[2] : block.word[3];
    return random_rest(place < 2 ? low : high, into.shift, into.random_bits);
  }
};

/// A value rounded, not yet overflowed; by a shift to the right.
template <typename Number>
__device__ __forceinline__ Number rounded(Number value, const Fitting& into,
                                          const ElementDraw& draw) {
  const std::uint64_t random = into.round == Round::stochastic ? draw(into) : 0;
  return rounded_shift<Number>(value, into.shift, into.rounding,
                               static_cast<std::make_unsigned_t<Number>>(random));
}

/// fit(), and counts the value before it overflows. In 32 bits it shifts to the right.
template <bool kCounts, typename Number>
__device__ __forceinline__ Number fitted(Number value, const Fitting& into, const ElementDraw& draw,
                                         TensorDiagnostics* counts) {
  const Format format{into.bits, 0, into.round, into.overflow, into.random_bits};
  if constexpr (sizeof(Number) == sizeof(std::int64_t))
    if (into.shift <= 0) {
      if constexpr (kCounts) count_value(*counts, value, format, -into.shift);
      return overflowed_left_shift(value, -into.shift, into.bits, into.overflow);
    }
  const Number result = rounded(value, into, draw);
  if constexpr (kCounts) count_value(*counts, result, format);
  return overflowed_in<Number>(result, into.bits, into.overflow);
}

/// rounded() in 32 bits of values of at most 2^30 in magnitude, without random numbers and
/// branches: all that it needs, in registers. Shifts are 1 ... 30, so that nothing leaves the
/// words.
struct NarrowRounding {
  std::int32_t shift, add, add_below_zero, odd;

  __device__ __forceinline__ explicit NarrowRounding(const Fitting& into)
      : shift(into.shift),
        add(static_cast<std::int32_t>(into.rounding.add)),
        add_below_zero(static_cast<std::int32_t>(into.rounding.add_below_zero)),
        odd(static_cast<std::int32_t>(into.rounding.odd)) {}

  __device__ __forceinline__ std::int32_t operator()(std::int32_t value) const {
    return (value + add + ((value >> shift) & odd) + ((value >> 31) & add_below_zero)) >> shift;
  }
};

/// overflowed() in 32 bits without branches: all that it needs of a format, in registers.
struct NarrowOverflow {
  std::int32_t spare;  // bits that a wrapping word leaves, else 0
  std::int32_t smallest, largest;

  __device__ __forceinline__ explicit NarrowOverflow(const Fitting& into) {
    const bool wraps = into.overflow == Overflow::wrap;
    spare = wraps ? 32 - into.bits : 0;
    smallest = static_cast<std::int32_t>(smallest_word(wraps ? 32 : into.bits, into.overflow));
    largest = static_cast<std::int32_t>(largest_word(wraps ? 32 : into.bits));
  }

  __device__ __forceinline__ std::int32_t operator()(std::int32_t value) const {
    const std::int32_t word =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << spare) >> spare;
    const std::int32_t below = word < largest ? word : largest;
    return below > smallest ? below : smallest;
  }
};

}  // namespace gridrun::cuda
