// Device: sums over the lanes of a team, in 64 bits that wrap, and all bits of them. Every lane of
// the warp calls them together.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// The sum over a team of `Lanes` lanes, in each of them.
template <int Lanes>
__device__ __forceinline__ std::uint64_t team_sum(std::uint64_t value) {
#pragma unroll
  for (int step = 1; step < Lanes; step *= 2) value += __shfl_xor_sync(all_lanes, value, step);
  return value;
}

/// The bits of all lanes of a team, in each of them.
template <int Lanes, typename Bits>
__device__ __forceinline__ Bits team_or(Bits bits) {
#pragma unroll
  for (int step = 1; step < Lanes; step *= 2) bits |= __shfl_xor_sync(all_lanes, bits, step);
  return bits;
}

/// A sum over the whole warp by hardware sums of 32-bit words. `Parts` words make a value: the low
/// 27 bits, the next 27 and the last 10, whose sums over 32 lanes fit 32 bits, or wrap where the
/// whole sum does. Two suffice for signed values below 2^narrow_part_bits in magnitude: the low 27
/// bits, and the others with their sign.
template <int Parts>
struct WarpSum {
  static constexpr int bits = 27;
  static_assert(Parts == 2 || Parts == 3);
  static_assert((std::uint64_t{warp_lanes} << bits) <= std::uint64_t{1} << 32);
  static_assert(3 * bits >= 64);
  static_assert(narrow_part_bits - bits + 5 <= 31, "the sum of 32 high parts keeps its sign");

  std::uint32_t part[Parts];

  __device__ __forceinline__ explicit WarpSum(std::uint64_t value) {
    constexpr auto mask = (1U << bits) - 1;
    const auto upper = static_cast<std::uint32_t>(value >> bits);
    part[0] = hardware_sum(static_cast<std::uint32_t>(value) & mask);
    part[1] = hardware_sum(Parts == 2 ? upper : upper & mask);
    if constexpr (Parts == 3)
      part[2] = hardware_sum(static_cast<std::uint32_t>(value >> (2 * bits)));
  }

  __device__ __forceinline__ std::uint64_t value() const {
    if constexpr (Parts == 2)
      return part[0] +
             (static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(part[1])}) << bits);
    else
      return part[0] + (std::uint64_t{part[1]} << bits) + (std::uint64_t{part[2]} << (2 * bits));
  }
};

/// Sums each of `Neurons` values over a team and returns in each lane the sum of value
/// `lane % Neurons`. Without hardware sums, lanes first swap halves of their values, so that the
/// number of values halves with every shuffle: 2 (Neurons - 1) + log2(Lanes / Neurons) shuffles of
/// 64 bits at most. `Narrow`: the values are below 2^narrow_part_bits in magnitude.
template <int Lanes, int Neurons, bool Narrow>
__device__ __forceinline__ std::int64_t own_sum(std::uint64_t (&values)[Neurons], int lane) {
  static_assert(Lanes >= Neurons && Lanes <= warp_lanes);
  static_assert((Lanes & (Lanes - 1)) == 0 && (Neurons & (Neurons - 1)) == 0);
  if constexpr (Lanes == warp_lanes && has_warp_sum) {
    using Sum = WarpSum<Narrow ? 2 : 3>;
    Sum own(values[0]);
#pragma unroll
    for (int n = 1; n < Neurons; ++n) {
      const Sum sum(values[n]);
      if (lane % Neurons == n) own = sum;
    }
    return static_cast<std::int64_t>(own.value());
  } else {
#pragma unroll
    for (int step = 1; step < Neurons; step *= 2) {
      const bool odd = (lane & step) != 0;
#pragma unroll
      for (int n = 0; n < Neurons / (2 * step); ++n) {
        const std::uint64_t kept = odd ? values[2 * n + 1] : values[2 * n];
        const std::uint64_t given = odd ? values[2 * n] : values[2 * n + 1];
        values[n] = kept + __shfl_xor_sync(all_lanes, given, step);
      }
    }
#pragma unroll
    for (int step = Neurons; step < Lanes; step *= 2)
      values[0] += __shfl_xor_sync(all_lanes, values[0], step);
    return static_cast<std::int64_t>(values[0]);
  }
}

}  // namespace gridrun::cuda
