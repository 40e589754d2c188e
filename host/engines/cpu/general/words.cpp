#include "engines/cpu/general/words.hpp"

#include "gridrun/arithmetic.hpp"

namespace gridrun {
namespace {

/// Whether inputs fit words of so many bits, and right shifts of P and u are such as kernels of 16
/// and 32 bits round in lanes of that size: of 1 to bits - 1 places. 16-bit words shift u farther
/// too, unless at random.
bool suits(const NetworkSpec& spec, std::uint64_t largest_input, int bits) {
  const TensorFormats& formats = spec.formats;
  const auto largest = static_cast<std::uint64_t>(largest_word(bits));
  if (largest_input > largest) return false;
  if (spec.bias && magnitude(one_of(formats.input)) > largest) return false;
  const auto shifts = [&](int n) { return 1 <= n && n < bits; };
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    if (!shifts(formats.error.fraction + spec.input_format(layer).fraction -
                formats.gradient.fraction))
      return false;
  const int to_step = formats.gradient.fraction + spec.lr - formats.master.fraction;
  const bool is_far = bits == 16 && to_step >= bits && formats.master.round != Round::stochastic;
  return is_far || shifts(to_step);
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
  const bool has_copies = spec.formats.weight != spec.formats.master;
  return spec.batch == 1 && !has_copies ? WordSize::guarded_32 : WordSize::bits_64;
}

}  // namespace gridrun
