// Device: the update of a weight in 32 bits, without branches. Paragraph 5.6 of
// docs/arithmetic.md.
#pragma once

#include "device_code.cuh"
#include "general/network_types.hpp"

namespace gridrun::cuda {

static_assert(rounding_of(Round::stochastic, 30).add == 0, "there would be no room for R");

/// `kAdded` and `kOverflows`: what both formats do, or more.
template <typename Word, Added kAdded = Added::more_below_zero,
          Overflows kOverflows = Overflows::any>
struct NarrowUpdate {
  const NarrowArithmetic arithmetic;
  Word* const weights;

  /// The weight that an update by P leaves. The rests are R where gradient or master is rounded at
  /// random, else 0.
  __device__ __forceinline__ Word operator()(std::int32_t w, std::int32_t p,
                                             std::uint32_t& abs_update, std::uint32_t& dropped,
                                             std::int32_t gradient_rest = 0,
                                             std::int32_t master_rest = 0) const {
    const NarrowFitting& gradient = arithmetic.gradient;
    const NarrowFitting& master = arithmetic.master;
    const std::int32_t u = gradient.template overflowed<kOverflows>(
        gradient.template rounded<kAdded>(p + gradient_rest));
    abs_update += static_cast<std::uint32_t>(u < 0 ? -u : u);
    dropped += static_cast<std::uint32_t>(u) & ((1U << master.shift) - 1);
    return static_cast<Word>(master.template overflowed<kOverflows>(
        w + master.template rounded<kAdded>(u + master_rest)));
  }
};

}  // namespace gridrun::cuda
