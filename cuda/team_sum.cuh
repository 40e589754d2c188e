// Device: sums over the lanes of a team, and all bits of them. Every lane of the warp calls them
// together.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// The sum over a team of `Lanes` lanes, in each of them, modulo 2^64.
template <int Lanes>
__device__ __forceinline__ std::uint64_t team_sum(std::uint64_t value) {
#pragma unroll
  for (int step = 1; step < Lanes; step *= 2) value += __shfl_xor_sync(all_lanes, value, step);
  return value;
}

/// The sum over a team of the ith limb, of 32 bits, of its lanes' wide words.
template <int Lanes, typename Wide>
__device__ __forceinline__ std::uint64_t team_sum_of_limb(Wide value, int i) {
  return team_sum<Lanes>(static_cast<std::uint32_t>(value >> (32 * i)));
}

/// The bits of all lanes of a team, in each of them.
template <int Lanes, typename Bits>
__device__ __forceinline__ Bits team_or(Bits bits) {
#pragma unroll
  for (int step = 1; step < Lanes; step *= 2) bits |= __shfl_xor_sync(all_lanes, bits, step);
  return bits;
}

/// A team's sum of products of narrow words, which are multiples of 2^narrow_input_zeros, in two
/// words: that sum is high * 2^32 + low * 2^narrow_input_zeros.
struct NarrowSum {
  std::uint32_t high;  // modulo 2^32
  std::uint32_t low;

  __device__ __forceinline__ static NarrowSum of(std::uint64_t value) {
    return {static_cast<std::uint32_t>(value >> 32),
            static_cast<std::uint32_t>(value) >> narrow_input_zeros};
  }
  /// The warp's, by hardware.
  __device__ __forceinline__ static NarrowSum of_warp(std::uint64_t value) {
    const NarrowSum own = of(value);
    return {hardware_sum(own.high), hardware_sum(own.low)};
  }

  __device__ __forceinline__ std::int64_t value() const {
    return static_cast<std::int64_t>((std::uint64_t{high} << 32) +
                                     (std::uint64_t{low} << narrow_input_zeros));
  }
  /// The sum >> (narrow_input_scale - headroom), which fits 32 bits.
  __device__ __forceinline__ std::int32_t rounded(int headroom) const {
    return static_cast<std::int32_t>(high * (2U << headroom) +
                                     (low >> (narrow_input_scale - narrow_input_zeros - headroom)));
  }
};

/// The warp's sum of unsigned words of 64 or 128 bits, modulo their range, by hardware sums of
/// pieces of 27 bits, whose sums over 32 lanes fit 32 bits, or wrap where the whole sum does.
template <typename Wide>
__device__ __forceinline__ Wide sum_of_pieces(Wide value) {
  constexpr int bits = 27;
  constexpr auto mask = (1U << bits) - 1;
  static_assert((std::uint64_t{warp_lanes} << bits) <= std::uint64_t{1} << 32);
  Wide sum = 0;
#pragma unroll
  for (int at = 0; at < static_cast<int>(8 * sizeof(Wide)); at += bits)
    sum += Wide{hardware_sum(static_cast<std::uint32_t>(value >> at) & mask)} << at;
  return sum;
}

/// A sum of 64-bit words that wraps.
struct WideSumOfTeam {
  std::uint64_t sum;

  __device__ __forceinline__ static WideSumOfTeam of(std::uint64_t value) { return {value}; }

  /// The warp's, by hardware.
  __device__ __forceinline__ static WideSumOfTeam of_warp(std::uint64_t value) {
    return {sum_of_pieces(value)};
  }

  __device__ __forceinline__ std::int64_t value() const { return static_cast<std::int64_t>(sum); }
};

/// Sums each of `Neurons` values over a team and returns in each lane the sum of value
/// `lane % Neurons`. Without hardware sums, lanes first swap halves of their values, so that the
/// number of values halves with every shuffle: 2 (Neurons - 1) + log2(Lanes / Neurons) shuffles of
/// 64 bits at most.
template <class Sum, int Lanes, int Neurons>
__device__ __forceinline__ Sum own_sum(std::uint64_t (&values)[Neurons], int lane) {
  static_assert(Lanes >= Neurons && Lanes <= warp_lanes);
  static_assert((Lanes & (Lanes - 1)) == 0 && (Neurons & (Neurons - 1)) == 0);
  if constexpr (Lanes == warp_lanes && has_warp_sum) {
    Sum own = Sum::of_warp(values[0]);
#pragma unroll
    for (int n = 1; n < Neurons; ++n) {
      const Sum sum = Sum::of_warp(values[n]);
      if (lane % Neurons == n) own = sum;
    }
    return own;
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
    return Sum::of(values[0]);
  }
}

}  // namespace gridrun::cuda
