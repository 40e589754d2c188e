// Device: how a value is brought into a format, by docs/arithmetic.md, parts 2 and 7.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"
#include "gridrun/count_value.hpp"
#include "gridrun/philox.hpp"

namespace gridrun::cuda {

/// The random words of elements 4 * four to 4 * four + 3 of a tensor, of step or batch t.
__device__ __forceinline__ PhiloxBlock drawn_words(std::uint32_t seed, Drawn tensor,
                                                   std::uint32_t layer, std::uint32_t t,
                                                   std::uint32_t four) {
  return philox({{four, t, layer, static_cast<std::uint32_t>(tensor)}}, seed, rounding_key);
}

/// The random words of four successive elements of a tensor that were drawn last.
struct LastDrawn {
  std::uint32_t t = ~std::uint32_t{0};  // none yet: as many steps there never are
  std::uint32_t four = 0;
  PhiloxBlock words{};
};

/// The random numbers of one element of a tensor.
struct ElementDraw {
  std::uint32_t seed;
  Drawn tensor;
  std::uint32_t layer;
  std::uint32_t t;  // the step, or for weights the batch
  std::uint64_t element;
  bool is_half = false;       // R is half of a unit: in the held-out pass
  LastDrawn* last = nullptr;  // of the same tensor and layer; draws nothing twice in a row

  /// R of a shift.
  __device__ __forceinline__ std::uint64_t operator()(const Fitting& into) const {
    if (is_half) return std::uint64_t{1} << (into.shift - 1);
    const PhiloxBlock block = words();
    const auto place = static_cast<std::uint32_t>(element % 4);
    const std::uint32_t low = place == 0 ? block.word[0] : block.word[1];
    const std::uint32_t high = place == 2 ? block.word[2] : block.word[3];
    return random_rest(place < 2 ? low : high, into.shift, into.random_bits);
  }

 private:
  __device__ __forceinline__ PhiloxBlock words() const {
    const auto four = static_cast<std::uint32_t>(element / 4);
    if (last == nullptr) return drawn_words(seed, tensor, layer, t, four);
    if (last->four != four || last->t != t)
      *last = {t, four, drawn_words(seed, tensor, layer, t, four)};
    return last->words;
  }
};

/// A value rounded, not yet overflowed; by a shift to the right. `kRandom`: maybe at random.
template <bool kRandom, typename Number>
__device__ __forceinline__ Number rounded(Number value, const Fitting& into,
                                          const ElementDraw& draw) {
  const std::uint64_t random = kRandom && into.round == Round::stochastic ? draw(into) : 0;
  return rounded_shift<Number>(value, into.shift, into.rounding,
                               static_cast<std::make_unsigned_t<Number>>(random));
}

/// overflowed_in() of a format.
template <typename Number>
__device__ __forceinline__ Number overflowed(Number value, const Fitting& into) {
  if (into.overflow == Overflow::wrap) {
    const int spare = static_cast<int>(8 * sizeof(Number)) - into.bits;
    return static_cast<Number>(static_cast<std::make_unsigned_t<Number>>(value) << spare) >> spare;
  }
  const auto largest = static_cast<Number>(into.largest);
  const auto smallest = static_cast<Number>(into.smallest);
  return value > largest ? largest : value < smallest ? smallest : value;
}

/// fit(), and counts the value before it overflows. In 32 bits it shifts to the right.
template <bool kCounts, bool kRandom, typename Number>
__device__ __forceinline__ Number fitted(Number value, const Fitting& into, const ElementDraw& draw,
                                         TensorDiagnostics* counts) {
  const Format format{into.bits, 0, into.round, into.overflow, into.random_bits};
  if constexpr (sizeof(Number) == sizeof(std::int64_t))
    if (into.shift <= 0) {
      if constexpr (kCounts) count_value(*counts, value, format, -into.shift);
      return overflowed_left_shift(value, -into.shift, into.bits, into.overflow);
    }
  const Number result = rounded<kRandom>(value, into, draw);
  if constexpr (kCounts) count_value(*counts, result, format);
  return overflowed<Number>(result, into);
}

}  // namespace gridrun::cuda
