// The constants of a rounding shift and of an overflow, for words of any size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "gridrun/format.hpp"

namespace gridrun {

/// A rounding that is known at run time only, in place of a Round.
inline constexpr int any_round = -1;

/// A rounding as a constant of a template.
template <Round kRound>
using RoundConstant = std::integral_constant<int, static_cast<int>(kRound)>;

/// visit(RoundConstant<round>()), to choose what is compiled for a rounding.
template <class Visit>
auto with_round(Round round, const Visit& visit) {
  switch (round) {
    case Round::floor:
      break;
    case Round::toward_zero:
      return visit(RoundConstant<Round::toward_zero>());
    case Round::nearest_up:
      return visit(RoundConstant<Round::nearest_up>());
    case Round::nearest_down:
      return visit(RoundConstant<Round::nearest_down>());
    case Round::nearest_even:
      return visit(RoundConstant<Round::nearest_even>());
    case Round::nearest_away:
      return visit(RoundConstant<Round::nearest_away>());
    case Round::stochastic:
      return visit(RoundConstant<Round::stochastic>());
  }
  return visit(RoundConstant<Round::floor>());
}

/// What a Round adds to every V before it is shifted by `shift` places, 1 at least; what it adds by
/// V comes beside. 0 where nothing is known when this is compiled.
template <class Word>
constexpr Word rounding_constant(int round, int shift) {
  const auto half = static_cast<Word>(Word{1} << (shift - 1));
  switch (round) {
    case static_cast<int>(Round::nearest_up):
      return half;
    case static_cast<int>(Round::nearest_down):
    case static_cast<int>(Round::nearest_even):
    case static_cast<int>(Round::nearest_away):
      return half - 1;
    default:
      return 0;
  }
}

/// V / 2^shift rounded, all roundings by one rule: with quotient q and rest r it is q + 1 where r >
/// threshold (+ more_if_negative where V < 0) (- less_if_odd where q is odd) - R, else q.
template <class Word>
struct Rounding {
  int shift;  // 1 ... the word's bits - 1
  Word mask;  // 2^shift - 1
  Word threshold;
  Word more_if_negative = 0;
  Word less_if_odd = 0;

  Rounding(int n, Round round)
      : shift(n),
        mask(static_cast<Word>((std::make_unsigned_t<Word>{1} << n) - 1)),
        threshold(mask) {
    const auto half = static_cast<Word>(Word{1} << (n - 1));
    switch (round) {
      case Round::floor:
      case Round::stochastic:
        break;
      case Round::toward_zero:
        more_if_negative = static_cast<Word>(-mask);
        break;
      case Round::nearest_up:
        threshold = static_cast<Word>(half - 1);
        break;
      case Round::nearest_down:
        threshold = half;
        break;
      case Round::nearest_even:
        threshold = half;
        less_if_odd = 1;
        break;
      case Round::nearest_away:
        threshold = static_cast<Word>(half - 1);
        more_if_negative = 1;
        break;
    }
  }
};

/// The range of a format's words. Those of a format wider than `Word` must be known to fit it.
template <class Word>
struct WordRange {
  static constexpr int word_bits = 8 * sizeof(Word);

  bool wraps;
  int spare_bits;
  Word smallest, largest;

  explicit WordRange(const Format& format)
      : wraps(format.overflow == Overflow::wrap || format.bits > word_bits),
        spare_bits(std::max(0, word_bits - format.bits)),
        smallest(static_cast<Word>(smallest_word(format.bits, format.overflow))),
        largest(static_cast<Word>(largest_word(format.bits))) {}
};

}  // namespace gridrun
