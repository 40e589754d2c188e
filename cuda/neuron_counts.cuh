// Device: what the lanes of a team count of their neurons where networks are diagnosed.
// docs/arithmetic.md, 8.7.
#pragma once

#include <type_traits>

#include "device_code.cuh"
#include "gridrun/diagnostics.hpp"

namespace gridrun::cuda {

/// The bits in which a value differs from its sign. Those of many values, or-ed, are as long as
/// those of the value that needs the widest word.
template <typename Word>
__device__ __forceinline__ std::make_unsigned_t<Word> bits_of(Word value) {
  return static_cast<std::make_unsigned_t<Word>>(value ^ (value >> (8 * sizeof(Word) - 1)));
}

/// A lane's share of what a few updates of a neuron count: as many as UpdateSums adds up. In narrow
/// words |u| <= 2^narrow_update_bits, so that |P| < 2^54.
template <typename Word>
struct UpdateCounts {
  using Sum = std::conditional_t<sizeof(Word) == 4, std::int64_t, SignedSum>;
  std::uint32_t updates = 0;  // u other than 0
  std::uint32_t lost = 0;     // of these, those whose step is 0
  Sum product_sum = 0;        // of P
  Sum step_sum = 0;           // of wide words only
};

/// The same over a launch.
template <typename Word>
struct NeuronCounts {
  using Bits = std::make_unsigned_t<Word>;
  Bits gradient = 0;  // bits_of every u
  Bits master = 0;    // of every weight that was updated
  std::uint64_t updates = 0;
  std::uint64_t lost = 0;
  SignedSum product_sum = 0;
  SignedSum step_sum = 0;  // of wide words only: where none wraps, weights tell it

  /// Counts an update, by which its weight has become w.
  __device__ __forceinline__ void update(UpdateCounts<Word>& few, std::int64_t product, Word u,
                                         Word step, Word w) {
    gradient |= bits_of(u);
    master |= bits_of(w);
    few.updates += u != 0;
    few.lost += u != 0 && step == 0;
    few.product_sum += product;
    if constexpr (sizeof(Word) == 8) few.step_sum += step;
  }

  __device__ __forceinline__ void add(const UpdateCounts<Word>& few) {
    updates += few.updates;
    lost += few.lost;
    product_sum += few.product_sum;
    step_sum += few.step_sum;
  }
};

/// What each lane counts over a launch of its own neuron: bits_of every z, a and d.
template <typename Word>
struct OutputCounts {
  using Bits = std::make_unsigned_t<Word>;
  std::uint64_t accumulator = 0;
  Bits activation = 0;
  Bits error = 0;

  __device__ __forceinline__ void add(std::int64_t z, Word a, Word d) {
    accumulator |= bits_of(z);
    activation |= bits_of(a);
    error |= bits_of(d);
  }
};

/// In the place of counts where nothing is counted.
struct NoCounts {};

}  // namespace gridrun::cuda
