#include "engines/cpu/general/words.hpp"

#include <cstdlib>

#include "gridrun/arithmetic.hpp"

namespace gridrun {
namespace {

/// Whether inputs fit words of so many bits, and right shifts of P and u are such as kernels of 16
/// and 32 bits round in lanes of that size: of 1 to bits - 1 places. Those of 16 bits shift farther
/// too: P, whose lanes have 32 bits, by 30 places, and u by any number.
bool suits(const NetworkSpec& spec, std::uint64_t largest_input, int bits) {
  const TensorFormats& formats = spec.formats;
  const auto largest = static_cast<std::uint64_t>(largest_word(bits));
  const bool takes_all = bits == 16 && formats.input.bits <= bits;  // the most negative word too
  const auto takes = [&](std::uint64_t input) { return takes_all || input <= largest; };
  if (!takes(largest_input)) return false;
  if (spec.bias && !takes(magnitude(one_of(formats.input)))) return false;
  const auto shifts = [&](int n, int farthest) {
    return 1 <= n && n <= (bits == 16 ? farthest : bits - 1);
  };
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    if (!shifts(
            formats.error.fraction + spec.input_format(layer).fraction - formats.gradient.fraction,
            30))
      return false;
  return shifts(formats.gradient.fraction + spec.lr - formats.master.fraction, 63);
}

/// Whether all else that a network holds fits them too, by its formats.
bool fits(const NetworkSpec& spec, int bits) {
  const TensorFormats& formats = spec.formats;
  for (const Format* format :
       {&formats.master, &formats.weight, &formats.activation, &formats.error, &formats.gradient})
    if (format->bits > bits) return false;
  // There is no saturating addition of 32 bits.
  return bits < 32 || formats.master.bits < 32 || formats.master.overflow == Overflow::wrap;
}

}  // namespace

WordSize words_for(const NetworkSpec& spec, std::uint64_t largest_input) {
  if (suits(spec, largest_input, 16) && fits(spec, 16)) return WordSize::bits_16;
  if (!suits(spec, largest_input, 32)) return WordSize::bits_64;
  if (fits(spec, 32)) return WordSize::bits_32;
  return spec.batch == 1 && !spec.formats.has_copies() ? WordSize::guarded_32 : WordSize::bits_64;
}

WordSize diagnosed_words_for(const NetworkSpec& spec, std::uint64_t largest_input) {
  const Format &weight = spec.formats.weight, &master = spec.formats.master;
  const WordSize words = words_for(spec, largest_input);
  // Copies are counted in lanes of 16 bits, which cannot be shifted by more.
  if (words == WordSize::bits_16 && std::abs(master.fraction - weight.fraction) >= 16)
    return suits(spec, largest_input, 32) ? WordSize::bits_32 : WordSize::bits_64;
  return words;
}

}  // namespace gridrun
