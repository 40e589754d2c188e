#include "engines/cpu/general/words.hpp"

#include "gridrun/arithmetic.hpp"

namespace gridrun {
namespace {

/// Whether all that a network holds fits words of so many bits, and its right shifts of P and u are
/// of 1 to bits - 1 places: the kernels of 16 and 32 bits round in lanes of that size.
bool fits(const NetworkSpec& spec, std::uint64_t largest_input, int bits) {
  const TensorFormats& formats = spec.formats;
  const auto largest = static_cast<std::uint64_t>(largest_word(bits));
  if (largest_input > largest) return false;
  if (spec.bias && magnitude(one_of(formats.input)) > largest) return false;
  for (const Format* format :
       {&formats.master, &formats.weight, &formats.activation, &formats.error, &formats.gradient})
    if (format->bits > bits) return false;
  // There is no saturating addition of 32 bits.
  if (bits == 32 && formats.master.bits == 32 && formats.master.overflow != Overflow::wrap)
    return false;
  const auto shifts = [&](int n) { return 1 <= n && n < bits; };
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    if (!shifts(formats.error.fraction + spec.input_format(layer).fraction -
                formats.gradient.fraction))
      return false;
  return shifts(formats.gradient.fraction + spec.lr - formats.master.fraction);
}

}  // namespace

WordSize words_for(const NetworkSpec& spec, std::uint64_t largest_input) {
  for (const WordSize size : {WordSize::bits_16, WordSize::bits_32})
    if (fits(spec, largest_input, static_cast<int>(size))) return size;
  return WordSize::bits_64;
}

}  // namespace gridrun
