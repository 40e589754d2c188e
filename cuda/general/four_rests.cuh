// Device: the random numbers of four neighbouring weights. Paragraph 7 of docs/arithmetic.md.
#pragma once

#include "general/fitting.cuh"

namespace gridrun::cuda {

/// R of four weights that share a block of random words, for updates in 32 bits.
struct FourRests {
  std::int32_t of[4] = {};
};

/// Draws the rests of the weights of a layer, of step or batch t, which go `into` a format by a
/// shift of 1 to 30 bits.
class FourDraw {
 public:
  __device__ __forceinline__ FourDraw(std::uint32_t seed, Drawn tensor, const Fitting& into,
                                      std::uint32_t layer, std::uint32_t t)
      : seed_(seed), layer_(layer), t_(t), tensor_(tensor) {
    const int bits = into.random_bits < into.shift ? into.random_bits : into.shift;
    unused_ = 32 - bits;
    zeros_ = into.shift - bits;
  }

  /// Of elements 4 * four to 4 * four + 3: random_rest().
  __device__ __forceinline__ FourRests operator()(std::uint32_t four) const {
    const PhiloxBlock words = drawn_words(seed_, tensor_, layer_, t_, four);
    FourRests rests;
#pragma unroll
    for (std::uint32_t i = 0; i < 4; ++i)
      rests.of[i] = static_cast<std::int32_t>(words.word[i] >> unused_ << zeros_);
    return rests;
  }

 private:
  std::uint32_t seed_, layer_, t_;
  Drawn tensor_;
  int unused_;  // bits of a word
  int zeros_;   // of R, at its end
};

/// Draws for both roundings of an update; 0 for one that is not at random. `kBoth`: both are.
template <bool kBoth>
class FourUpdateDraw {
 public:
  __device__ __forceinline__ FourUpdateDraw(const DeviceNetwork& network,
                                            const LayerArithmetic& arithmetic, std::uint32_t layer,
                                            std::uint32_t t)
      : gradient_(network.rounding_seed, Drawn::gradient, arithmetic.gradient, layer, t),
        master_(network.rounding_seed, Drawn::master, network.step, layer, t),
        draws_gradient_(kBoth || arithmetic.gradient.round == Round::stochastic),
        draws_master_(kBoth || network.step.round == Round::stochastic) {}

  __device__ __forceinline__ FourRests gradient(std::uint32_t four) const {
    return draws_gradient_ ? gradient_(four) : FourRests{};
  }
  __device__ __forceinline__ FourRests master(std::uint32_t four) const {
    return draws_master_ ? master_(four) : FourRests{};
  }

 private:
  const FourDraw gradient_, master_;
  const bool draws_gradient_, draws_master_;
};

}  // namespace gridrun::cuda
