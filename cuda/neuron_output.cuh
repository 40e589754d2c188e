// Device: what a neuron makes of its sum, in narrow and in wide words. Compiled by nvcc and, over
// the emulation, by the tests.
#pragma once

#include "device_code.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// What a neuron makes of its sum: the activation a and the error d, at scale 2^-fraction.
template <typename Word>
struct Output {
  Word a;
  Word d;
};

/// activate() and delta() in 32 bits, and whether the bounds of these words held: beyond them they
/// may be wrong, and the network is trained again in wide words.
class NarrowOutput {
 public:
  using Sum = NarrowSum;

  NarrowOutput() = default;
  __device__ __forceinline__ NarrowOutput(const TrainArguments<std::int32_t>&,
                                          const SampleList<std::int32_t>& list)
      : headroom_(list.narrow.headroom),
        delta_limit_(list.narrow.delta_limit),
        least_activation_(list.narrow.least_activation),
        most_distance_(delta_limit_) {}

  /// With t = z >> fraction: relu has a = max(t, 0) and passes errors where t > 0.
  __device__ __forceinline__ Output<std::int32_t> of(const NarrowSum& sum,
                                                     std::int32_t target) const {
    const std::int32_t t = sum.rounded(headroom_);
    const bool passes = t >= least_activation_;
    const std::uint32_t d = static_cast<std::uint32_t>(target) - static_cast<std::uint32_t>(t);
    return {passes ? t : 0, passes ? static_cast<std::int32_t>(d) : 0};
  }

  /// Looks at the bounds of an error that updates.
  __device__ __forceinline__ void guard(std::int32_t d) {
    most_distance_ = max(most_distance_, static_cast<std::uint32_t>(d) + delta_limit_);
  }

  /// z of its sum.
  __device__ __forceinline__ std::int64_t accumulator(const NarrowSum& sum, int fraction) const {
    return floor_shift(sum.value(), narrow_input_scale - headroom_ - fraction);
  }

  /// Whether some |d| was beyond the limit. A d that wrapped is beyond any.
  __device__ __forceinline__ bool outgrown() const { return most_distance_ > 2 * delta_limit_; }

 private:
  int headroom_;
  std::uint32_t delta_limit_;
  std::int32_t least_activation_;
  std::uint32_t most_distance_;  // of d + delta_limit, unsigned
};

/// activate() and delta() in 64 bits, which have no bounds.
class WideOutput {
 public:
  using Sum = WideSumOfTeam;

  WideOutput() = default;
  __device__ __forceinline__ WideOutput(const TrainArguments<std::int64_t>& arguments,
                                        const SampleList<std::int64_t>& list)
      : fraction_(list.fraction), activation_(arguments.activation) {}

  __device__ __forceinline__ Output<std::int64_t> of(const WideSumOfTeam& sum,
                                                     std::int64_t target) const {
    const std::int64_t z = sum.value();
    return {activate(z, fraction_, activation_), delta(target, z, fraction_, activation_)};
  }
  __device__ __forceinline__ void guard(std::int64_t) {}
  __device__ __forceinline__ std::int64_t accumulator(const WideSumOfTeam& sum, int) const {
    return sum.value();
  }
  __device__ __forceinline__ bool outgrown() const { return false; }

 private:
  int fraction_;
  Activation activation_;
};

}  // namespace gridrun::cuda
