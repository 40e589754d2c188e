// One neuron position of a group of networks, trained over blocks of steps: each lane in 32-bit
// weights as long as that is certainly exact, and from then on in 64-bit wrapping ones.
#pragma once

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engines/cpu/lane_group.hpp"
#include "engines/cpu/sparse_samples.hpp"
#include "engines/cpu/wide_lanes.hpp"
#include "gridrun/arithmetic.hpp"
#include "gridrun/diagnostics.hpp"

namespace gridrun {

/// What the neurons of a group have in common.
struct GroupSetting {
  GroupSetting(const LaneGroup& group, const SparseSamples& samples, Activation activation);

  Activation activation;
  bool one_fraction;  // whether lanes share the inputs
  LaneSet members;    // lanes that hold a network
  /// The members that may be tried in 32 bits: |x| <= 2^27, and activations below 2^activation_bits
  /// leave |d| * 2^input_bits < 2^29, which bounds every |u|.
  LaneSet narrow;
  alignas(64) std::array<std::int32_t, group_lanes> lr;
  alignas(64) std::array<std::int32_t, group_lanes> fraction;

  /// Inputs x of the narrow lanes at scale 2^-fraction, 0 for the others: [value] with one
  /// fraction, else [value][lane]. Empty where no lane is narrow.
  std::vector<std::int32_t> narrow_inputs;
  /// The narrow inputs as 16-bit numbers, the upper half of each word 0: there only if `short_z`.
  std::vector<std::int32_t> short_inputs;
  /// The narrow inputs 2^(30 - fraction - input_bits) times, and the shift of d that goes with
  /// them: u is the upper half of the 64-bit product of the two.
  std::vector<std::int32_t> update_inputs;
  static int update_shift(int fraction, int input_bits) { return 30 - fraction - input_bits; }
  int error_shift;
  bool some_vanish;  // whether an input other than 0 is 0 in a narrow lane
  /// |x| at scale 2^-fraction, [value]: where all lanes have one fraction and none is narrow.
  std::vector<std::uint64_t> wide_inputs;

  /// Whether 16-bit factors and 32-bit sums z may be tried: |x| <= 2^14.
  bool short_z;
  int finest_fraction;  // of the narrow lanes
  int input_bits;       // every |input| <= 2^input_bits
  int activation_bits;  //
};

/// While narrow, every |w| is at most this: sums of the 4 weights of a chunk fit 32 bits.
inline constexpr std::int32_t narrow_weight_limit = (std::int32_t{1} << 29) - 1;

/// While short, every |w| is at most this: sums of the 4 weights of a chunk fit 16 bits.
inline constexpr std::int32_t short_weight_limit = (std::int32_t{1} << 13) - 1;

/// What is known of the |w| of a neuron with narrow weights.
struct WeightBound {
  bool is_short;         // whether every |w| is at most short_weight_limit
  std::int32_t bound;    // every |w| is at most this
  std::int32_t scan_at;  // a bound above this is not good enough

  /// `largest` is the largest |w|, at most narrow_weight_limit.
  WeightBound(std::int32_t largest, bool may_be_short)
      : is_short(may_be_short && largest <= short_weight_limit / 2), bound(largest) {
    // A short neuron does better with a close bound than with one that is just good enough.
    scan_at = is_short ? std::clamp(2 * largest, short_weight_limit / 4, short_weight_limit)
                       : narrow_weight_limit;
  }
};

/// What happened on the way, for tests that must see a guard trip.
struct TrainingStatistics {
  std::uint64_t narrow_steps = 0;      // steps of a neuron position of a group in 32 bits
  std::uint64_t short_steps = 0;       // those of them with 16-bit factors
  std::uint64_t wide_steps = 0;        // steps of a lane of a neuron position in 64 bits
  std::uint64_t widened = 0;           // lanes of a neuron position that began in 32 bits and left
  std::uint64_t half_updates = 0;      // narrow updates of half of the lanes, the others being 0
  std::uint64_t long_update_sums = 0;  // narrow updates whose sum needed 64 bits a step
  std::uint64_t weight_scans = 0;      // searches for the largest |w| when its bound ran out
  std::uint64_t falling_updates = 0;   // narrow updates that were counted as falling

  TrainingStatistics& operator+=(const TrainingStatistics& other);
};

/// A run of steps that a neuron trains on.
struct StepBlock {
  const SparseSamples* samples;
  const GroupSetting* setting;
  std::uint32_t first;  // step
  std::uint32_t steps;
};

/// The activations of a neuron over a block, in up to two entries a step: the narrow and the wide
/// lanes have one each. A lane that an entry is not about is not above any activation there. For
/// ReLU, steps where all lanes are zero are left out.
class ActivationLog {
 public:
  explicit ActivationLog(std::size_t steps) : steps_(2 * steps), values_(2 * steps * group_lanes) {}

  void clear() { size_ = 0; }
  /// Adds an entry of a step, counted in the block; returns where its activations go, [lane] as
  /// binary64.
  double* add(std::uint32_t step) {
    steps_[size_] = step;
    return &values_[size_++ * group_lanes];
  }

  std::size_t size() const { return size_; }
  std::uint32_t step(std::size_t i) const { return steps_[i]; }
  const double* activations(std::size_t i) const { return &values_[i * group_lanes]; }

 private:
  std::size_t size_ = 0;
  std::vector<std::uint32_t> steps_;
  std::vector<double> values_;  // [size][lane]
};

/// What a neuron counts where networks are diagnosed, a lane each. docs/arithmetic.md, 8.7.
struct NeuronCounts {
  template <class T>
  using PerLane = std::array<T, group_lanes>;

  /// The least and the largest of some values, and 0.
  struct Ends {
    PerLane<std::int64_t> least{}, most{};

    void add(std::size_t lane, std::int64_t value) {
      least[lane] = std::min(least[lane], value);
      most[lane] = std::max(most[lane], value);
    }
  };

  Ends sum, error, update, weight;           // z, d, u, w + step
  PerLane<std::uint64_t> updates{}, lost{};  //
  PerLane<SignedSum> step{}, product{};      // steps of narrow lanes only once they are over

  /// Of one lane, a network's diagnostics but for samples.
  LayerDiagnostics of(std::size_t lane, int fraction, Activation activation) const;
};

struct Neuron {
  using Sums = std::array<WideSum, group_lanes>;

  /// Neuron `index` before its first step, with the weights of `sweep`.
  Neuron(std::size_t index, const StudySweep& sweep, const SparseSamples& samples,
         const GroupSetting& setting);

  /// Trains on a block, the one after the last.
  void train(const StepBlock& block, ActivationLog& log, TrainingStatistics& statistics);

  /// Once trained: completes sum_dropped and weights_digest. The layer has so many units.
  void finish(const GroupSetting& setting, std::size_t units);

  /// Calls visit(k, w) for the weight of each input k in a lane that holds a network.
  template <typename Visit>
  void visit_weights(std::size_t of_lane, Visit&& visit) const {
    if (holds(narrow_lanes, of_lane)) {
      for (std::size_t k = 0; k < inputs; ++k)
        visit(k, std::int64_t{narrow_weights[k * group_lanes + of_lane]});
    } else {
      const auto place = static_cast<std::size_t>(
          std::find(wide.lane.begin(), wide.lane.end(), of_lane) - wide.lane.begin());
      for (std::size_t k = 0; k < inputs; ++k) visit(k, wide.weights[k * wide.stride + place]);
    }
  }

  std::size_t index;
  std::size_t inputs;
  LaneSet narrow_lanes = 0;  // those that narrow_weights are of
  /// w [input][lane], 0 in other lanes than the narrow ones; null when there are none.
  hwy::AlignedFreeUniquePtr<std::int32_t[]> narrow_weights;
  std::optional<WeightBound> weight_bound;  // of the narrow weights, if there are any
  WideLanes wide;                           // the other members
  Sums sum_abs_update{};                    // of |u|
  Sums sum_dropped{};  // of u - (u >> lr) 2^lr; of the narrow steps only once they are over
  Sums sum_update{};   // of u over the narrow steps, modulo 2^128
  std::array<std::uint64_t, group_lanes> weights_digest{};  // this neuron's part of it
  std::int64_t initial_weight_sum = 0;                      // of each lane's narrow weights
  std::unique_ptr<NeuronCounts> counts;                     // where the sweep diagnoses

 private:
  void end_narrow(std::size_t lane, const GroupSetting& setting);
  /// Moves narrow lanes to the wide ones.
  void leave(LaneSet lanes, const StepBlock& block, TrainingStatistics& statistics);
  /// Adds a lane to the wide ones, with weight_of(k) for each input k.
  template <typename WeightOf>
  void widen(std::size_t lane, const GroupSetting& setting, WeightOf&& weight_of);
};

/// How far 32-bit training came, and which lanes cannot go on in it.
struct NarrowEnd {
  std::uint32_t step;  // of the block: the first one not trained
  LaneSet leaving;     // empty only at the block's end
};

/// Trains the narrow lanes from step `begin` of the block up to the first step where that may not
/// be exact for all of them, which it leaves undone.
NarrowEnd train_narrow(const StepBlock& block, std::uint32_t begin, Neuron& neuron,
                       ActivationLog& log, TrainingStatistics& statistics);

/// Trains the wide lanes from step `begin` of the block up to, not including, step `end`.
void train_wide(const StepBlock& block, std::uint32_t begin, std::uint32_t end, Neuron& neuron,
                ActivationLog& log);

/// What the processor runs the above with: AVX2, AVX3 (which is AVX-512), NEON...
const char* simd_target();

/// All that the above is built for, Highway's bits HWY_AVX2...
std::int64_t built_simd_targets();

}  // namespace gridrun
