// Device: updates of weights, and what a lane adds up of them. Compiled by nvcc and, over the
// emulation, by the tests. T: a Training (train_kernel.cuh).
#pragma once

#include <cstdint>
#include <type_traits>

#include "device_code.cuh"
#include "neuron_counts.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// Sums of a lane over a launch: 64 bits hold 2^34 terms below 2^30; wide terms fill 64 bits.
template <typename Word>
using LaneSum = std::conditional_t<sizeof(Word) == 4, std::uint64_t, WideSum>;

/// A lane's share of what a few updates add up to: 32 bits suffice where words have 32.
template <class T>
struct UpdateSums {
  using Sum = std::conditional_t<T::narrow, std::uint32_t, WideSum>;
  using Counts = std::conditional_t<T::counting, UpdateCounts<typename T::Word>, NoCounts>;
  Sum abs_update = 0;
  Sum rest = 0;  // what was dropped; of narrow words u itself, signed: see add_steps
  Counts counts;
};

/// The same over a launch, and whether the word was wide enough.
template <class T>
struct NeuronSums {
  using Word = typename T::Word;
  using Counts = std::conditional_t<T::counting, NeuronCounts<Word>, NoCounts>;
  LaneSum<Word> abs_update = 0;
  std::conditional_t<T::narrow, std::int64_t, WideSum> rest = 0;
  std::uint32_t outgrown = 0;  // twice the bound or more: a weight left it
  Counts counts;

  __device__ __forceinline__ void add(const UpdateSums<T>& sums) {
    abs_update += sums.abs_update;
    if constexpr (T::narrow)
      rest += static_cast<std::int32_t>(sums.rest);
    else
      rest += sums.rest;
    if constexpr (T::counting) counts.add(sums.counts);
  }

  /// One weight's update, (d x >> fraction) >> lr, in wide words.
  __device__ __forceinline__ void update(Word& w, Word d, Word x, int fraction, int lr,
                                         UpdateSums<T>& sums) {
    const std::int64_t p = product(d, x);
    const std::int64_t u = floor_shift(p, fraction);
    const std::int64_t step = floor_shift(u, lr);
    w = wrapping_add(w, step);
    sums.abs_update += magnitude(u);
    sums.rest += dropped_by_shift(u, lr);
    if constexpr (T::counting) counts.update(sums.counts, p, u, step, w);
  }

  /// The same of W = -w by X = -x and D = -d, so scaled that D X is d x * 2^(32 - fraction). Leaves
  /// |u| to the caller where all have the same sign.
  template <bool SameSign>
  __device__ __forceinline__ void update_narrow(std::int32_t& W, std::int32_t D, std::int32_t X,
                                                int fraction, int lr, std::uint32_t weight_bound,
                                                UpdateSums<T>& sums) {
    const std::int64_t p = product(D, X);
    const auto u = static_cast<std::int32_t>(p >> 32);
    const std::int32_t step = u >> lr;
    const auto moved = static_cast<std::uint32_t>(W) - static_cast<std::uint32_t>(step);
    W = static_cast<std::int32_t>(moved);
    outgrown |= moved + weight_bound;
    if constexpr (!SameSign) sums.abs_update += absolute(u);
    sums.rest += static_cast<std::uint32_t>(u);
    if constexpr (T::counting)
      counts.update(sums.counts, floor_shift(p, 32 - fraction), u, step, negated(W));
  }
};

/// Adds a team's sum to the network's: one lane's atomic for each limb that is not zero.
template <class T, typename Sum>
__device__ __forceinline__ void add_to_network(Sum sum, std::uint64_t* limbs, bool writes) {
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(sum) / 4); ++i) {
    const std::uint64_t limb = team_sum_of_limb<T::lanes>(sum, i);
    if (writes && limb != 0) atomic_add(limbs + i, limb);
  }
}

/// Adds the weights -W of a bundle, of narrow words, `sign` times to its networks' sums of steps.
/// What weights moved by between two such calls, their steps add up to, and 2^lr times that is what
/// updates add up to but for what was dropped.
template <class T>
__device__ __forceinline__ void add_steps(const TrainArguments<typename T::Word>& arguments,
                                          const typename T::Row* rows, const Unit* units, int lane,
                                          int sign) {
#pragma unroll 1
  for (int n = 0; n < T::neurons; ++n) {
    std::int64_t sum = 0;
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) sum -= rows[k].w[n];
    const SignedSum steps = SignedSum{sign} * sum;
    const std::int32_t network = units[n].network;
    const bool used = network != no_network;
    const std::size_t at = used ? network : 0;
    const bool writes = used && lane == 0;
    add_to_network<T>(-(steps << units[n].lr), arguments.sums + (2 * at + 1) * sum_limbs, writes);
    if constexpr (T::counting) add_to_network<T>(steps, arguments.counts[at].step, writes);
  }
}

}  // namespace gridrun::cuda
