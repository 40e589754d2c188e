// Host and device: the arithmetic of a fixed-point network, to the bit.
//
// Every integer is two's-complement 64-bit and wraps on overflow. A fixed-point number with
// `fraction` bits stores value * 2^fraction. Shifts are arithmetic (division by a power of two,
// rounded toward minus infinity) and always less than 64.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define GRIDRUN_HOST_DEVICE __host__ __device__
#else
#define GRIDRUN_HOST_DEVICE
#endif

namespace gridrun {

/// What a neuron does with its sum: `relu` passes positive sums only, `linear` all of them.
enum class Activation : std::uint8_t { relu, linear, leaky_relu };

/// A sum of 64-bit magnitudes that cannot overflow: 2^64 terms fit.
__extension__ typedef unsigned __int128 WideSum;

GRIDRUN_HOST_DEVICE constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

GRIDRUN_HOST_DEVICE constexpr std::int64_t wrapping_subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

GRIDRUN_HOST_DEVICE constexpr std::int64_t wrapping_multiply(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

/// value / 2^shift rounded toward minus infinity; shift in 0...63.
GRIDRUN_HOST_DEVICE constexpr std::int64_t floor_shift(std::int64_t value, int shift) {
  return value >> shift;
}

/// |value| without overflow: |-2^63| is 2^63.
GRIDRUN_HOST_DEVICE constexpr std::uint64_t magnitude(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? std::uint64_t{0} - bits : bits;
}

/// input * 2^fraction rounded half to even. The caller guarantees that the result fits 64 bits.
GRIDRUN_HOST_DEVICE inline std::int64_t quantise(double input, int fraction) {
  const auto unit = static_cast<double>(std::int64_t{1} << fraction);
  return static_cast<std::int64_t>(rint(input * unit));
}

/// The activation a of a neuron's sum z (scale 2^-2fraction), at scale 2^-fraction.
GRIDRUN_HOST_DEVICE constexpr std::int64_t activate(std::int64_t z, int fraction,
                                                    Activation activation) {
  return activation == Activation::relu && z <= 0 ? 0 : floor_shift(z, fraction);
}

/// The activation's derivative at z: whether an error passes back (1) or not (0).
GRIDRUN_HOST_DEVICE constexpr bool passes_error(std::int64_t z, int fraction,
                                                Activation activation) {
  return activation == Activation::linear || floor_shift(z, fraction) > 0;
}

/// The error d = (target - a) * g that drives a neuron's update, at scale 2^-fraction.
GRIDRUN_HOST_DEVICE constexpr std::int64_t delta(std::int64_t target, std::int64_t z, int fraction,
                                                 Activation activation) {
  return passes_error(z, fraction, activation)
             ? wrapping_subtract(target, activate(z, fraction, activation))
             : 0;
}

/// What `u >> lr` drops: u - (u >> lr) * 2^lr, in 0 ... 2^lr - 1.
GRIDRUN_HOST_DEVICE constexpr std::uint64_t dropped_by_shift(std::int64_t u, int lr) {
  return static_cast<std::uint64_t>(u) & ((std::uint64_t{1} << lr) - 1);
}

}  // namespace gridrun
