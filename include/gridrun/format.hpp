// Host and device: number formats, and how a value is brought into one. docs/arithmetic.md, part 2.
#pragma once

#include <cstdint>
#include <type_traits>

#include "gridrun/arithmetic.hpp"

namespace gridrun {

/// What becomes of the bits below a format's last place. n of them are dropped: V / 2^n is
///   floor         rounded toward minus infinity          (AP_TRN, TO_NEG)
///   toward_zero   rounded toward zero                    (AP_TRN_ZERO)
///   nearest_up    the nearest, ties toward plus infinity (AP_RND)
///   nearest_down  the nearest, ties toward minus infinity (AP_RND_MIN_INF)
///   nearest_even  the nearest, ties to an even result    (AP_RND_CONV)
///   nearest_away  the nearest, ties away from zero       (AP_RND_INF)
///   stochastic    floor((V + R) / 2^n), R random in 0 ... 2^n - 1 (Gupta et al. 2015)
enum class Round : std::uint8_t {
  floor,
  toward_zero,
  nearest_up,
  nearest_down,
  nearest_even,
  nearest_away,
  stochastic
};

/// What becomes of a value that its word cannot hold: its low bits, sign-extended (`wrap`), or the
/// nearest that it can (`saturate`); `saturate_symmetric` leaves out the most negative word.
enum class Overflow : std::uint8_t { wrap, saturate, saturate_symmetric };

/// Two's-complement words of `bits` bits, sign included, that stand for word * 2^-fraction.
struct Format {
  int bits = 64;  // 2 ... 64
  int fraction = 0;
  Round round = Round::floor;
  Overflow overflow = Overflow::wrap;
  int random_bits = 32;  // of a stochastic rounding, 1 ... 32

  friend bool operator==(const Format&, const Format&) = default;
};

/// The largest word of a format.
GRIDRUN_HOST_DEVICE constexpr std::int64_t largest_word(int bits) {
  return static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
}

/// The smallest word that a format's overflow lets pass.
GRIDRUN_HOST_DEVICE constexpr std::int64_t smallest_word(int bits, Overflow overflow) {
  return overflow == Overflow::saturate_symmetric ? -largest_word(bits) : -largest_word(bits) - 1;
}

/// R of an n-bit stochastic rounding, n in 1 ... 63, from a random word: its `random_bits` highest
/// bits become R's highest bits.
GRIDRUN_HOST_DEVICE constexpr std::uint64_t random_rest(std::uint32_t word, int n,
                                                        int random_bits) {
  const std::uint64_t top = word >> (32 - random_bits);
  return n >= random_bits ? top << (n - random_bits) : top >> (random_bits - n);
}

/// V / 2^n rounded in words of so many bits, n in 1 ... that less 1. `random` is R, in 0 ... 2^n -
/// 1; only `stochastic` reads it.
template <typename Word>
GRIDRUN_HOST_DEVICE constexpr Word round_shift_in(Word value, int n, Round round,
                                                  std::make_unsigned_t<Word> random) {
  using Unsigned = std::make_unsigned_t<Word>;
  const auto quotient = static_cast<Word>(value >> n);
  const Unsigned unit = Unsigned{1} << n, half = unit >> 1;
  const Unsigned rest = static_cast<Unsigned>(value) & (unit - 1);
  bool up = false;
  switch (round) {
    case Round::floor:
      break;
    case Round::toward_zero:
      up = value < 0 && rest != 0;
      break;
    case Round::nearest_up:
      up = rest >= half;
      break;
    case Round::nearest_down:
      up = rest > half;
      break;
    case Round::nearest_even:
      up = rest > half || (rest == half && (quotient & 1) != 0);
      break;
    case Round::nearest_away:
      up = rest > half || (rest == half && value >= 0);
      break;
    case Round::stochastic:
      up = rest + random >= unit;
      break;
  }
  return quotient + up;
}
GRIDRUN_HOST_DEVICE constexpr std::int64_t round_shift(std::int64_t value, int n, Round round,
                                                       std::uint64_t random) {
  return round_shift_in<std::int64_t>(value, n, round, random);
}

/// A value brought into the range of a format's words, in words of at least as many bits.
template <typename Word>
GRIDRUN_HOST_DEVICE constexpr Word overflowed_in(Word value, int bits, Overflow overflow) {
  if (overflow == Overflow::wrap) {
    const int spare = static_cast<int>(8 * sizeof(Word)) - bits;
    return static_cast<Word>(static_cast<std::make_unsigned_t<Word>>(value) << spare) >> spare;
  }
  const auto largest = static_cast<Word>(largest_word(bits));
  const auto smallest = static_cast<Word>(smallest_word(bits, overflow));
  return value > largest ? largest : value < smallest ? smallest : value;
}
GRIDRUN_HOST_DEVICE constexpr std::int64_t overflowed(std::int64_t value, int bits,
                                                      Overflow overflow) {
  return overflowed_in<std::int64_t>(value, bits, overflow);
}

/// value * 2^shift, wrapped to 64 bits; shift >= 0.
GRIDRUN_HOST_DEVICE constexpr std::int64_t left_shift(std::int64_t value, int shift) {
  return shift > 63 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << shift);
}

/// value * 2^shift brought into the range of a format's words, shift >= 0. It saturates by the
/// exact product, which may need more than 64 bits.
GRIDRUN_HOST_DEVICE constexpr std::int64_t overflowed_left_shift(std::int64_t value, int shift,
                                                                 int bits, Overflow overflow) {
  if (overflow != Overflow::wrap) {
    const std::int64_t bound = value < 0 ? smallest_word(bits, overflow) : largest_word(bits);
    const std::uint64_t most = shift > 63 ? 0 : magnitude(bound) >> shift;
    if (magnitude(value) > most) return bound;
  }
  return overflowed(left_shift(value, shift), bits, overflow);
}

/// Brings `value`, at scale 2^-scale, into a format: it is rounded to the format's fraction and
/// then overflows. A right shift, scale - format.fraction, is at most 63. `random` is R of that
/// shift, which only a stochastic rounding reads.
GRIDRUN_HOST_DEVICE constexpr std::int64_t fit(std::int64_t value, int scale, const Format& format,
                                               std::uint64_t random = 0) {
  const int n = scale - format.fraction;
  if (n <= 0) return overflowed_left_shift(value, -n, format.bits, format.overflow);
  return overflowed(round_shift(value, n, format.round, random), format.bits, format.overflow);
}

}  // namespace gridrun
