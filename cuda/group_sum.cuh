// Device: sums over the lanes of a group, in 64 bits that wrap. Every lane of the warp calls them
// together.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// The sum over a group of `Lanes` lanes, in each of them.
template <int Lanes>
__device__ __forceinline__ std::uint64_t group_sum(std::uint64_t value) {
#pragma unroll
  for (int step = 1; step < Lanes; step *= 2) value += __shfl_xor_sync(all_lanes, value, step);
  return value;
}

/// A sum over the whole warp by hardware sums of 32-bit words: of the low 27 bits, the next 27 and
/// the last 10, whose sums over 32 lanes fit 32 bits, or wrap where the whole sum does.
struct WarpSum {
  static constexpr int piece = 27;
  static_assert((std::uint64_t{warp_lanes} << piece) <= std::uint64_t{1} << 32);
  static_assert(3 * piece >= 64);

  std::uint32_t low;
  std::uint32_t middle;
  std::uint32_t high;

  __device__ __forceinline__ explicit WarpSum(std::uint64_t value) {
    constexpr auto mask = (1U << piece) - 1;
    low = hardware_sum(static_cast<std::uint32_t>(value) & mask);
    middle = hardware_sum(static_cast<std::uint32_t>(value >> piece) & mask);
    high = hardware_sum(static_cast<std::uint32_t>(value >> (2 * piece)));
  }

  __device__ __forceinline__ std::uint64_t value() const {
    return low + (std::uint64_t{middle} << piece) + (std::uint64_t{high} << (2 * piece));
  }
};

/// Sums each of `Neurons` values over a group and returns in each lane the sum of value
/// `lane % Neurons`. Without hardware sums, lanes first swap halves of their values, so that the
/// number of values halves with every shuffle: 2 (Neurons - 1) + log2(Lanes / Neurons) shuffles of
/// 64 bits at most.
template <int Lanes, int Neurons>
__device__ __forceinline__ std::int64_t own_sum(std::uint64_t (&values)[Neurons], int lane) {
  static_assert(Lanes >= Neurons && Lanes <= warp_lanes);
  static_assert((Lanes & (Lanes - 1)) == 0 && (Neurons & (Neurons - 1)) == 0);
  if constexpr (Lanes == warp_lanes && has_warp_sum) {
    WarpSum own(values[0]);
#pragma unroll
    for (int n = 1; n < Neurons; ++n) {
      const WarpSum sum(values[n]);
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
