// Device: the random numbers of four neighbouring weights. Paragraph 7 of docs/arithmetic.md.
#pragma once

#include "general/fitting.cuh"

namespace gridrun::cuda {

/// R of four weights that share a block of random words, for updates in 32 bits; 0 where nothing is
/// rounded at random.
struct FourRests {
  std::int32_t of[4] = {};
};

/// R of elements 4 * four to 4 * four + 3 of a tensor, which go `into` a format by a shift of 1 to
/// 30 bits, in step or batch t.
__device__ __forceinline__ FourRests rests_of_four(std::uint32_t seed, Drawn tensor,
                                                   const Fitting& into, std::uint32_t layer,
                                                   std::uint32_t t, std::uint32_t four) {
  FourRests rests;
  if (into.round != Round::stochastic) return rests;
  const PhiloxBlock words = drawn_words(seed, tensor, layer, t, four);
#pragma unroll
  for (std::uint32_t i = 0; i < 4; ++i)
    rests.of[i] =
        static_cast<std::int32_t>(random_rest(words.word[i], into.shift, into.random_bits));
  return rests;
}

}  // namespace gridrun::cuda
