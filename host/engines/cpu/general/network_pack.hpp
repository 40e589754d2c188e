// Networks of one layer side by side in the lanes of a vector: where a layer has few units, many
// lanes of its own vectors would be idle. Equal to ReferenceNetwork in every bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/words.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// Networks of a pack at most.
inline constexpr std::size_t most_packed = 8;
/// Lanes that they share: of two units each.
inline constexpr std::size_t pack_lanes = 2 * most_packed;

/// Networks that are trained together: a pack, or one by itself.
struct NetworkRun {
  std::uint32_t size = 1;
  // For any thread; else for that of the run before, which makes the inputs of both once.
  bool is_apart = true;
};

/// Makes runs of a list of networks, whose order becomes that of the runs; the order of input
/// formats stays. `words` are those of all the networks, `threads` train them, and a thread is to
/// hold no more than `fit` of them. None is in a pack where that would take longer.
std::vector<NetworkRun> pack(const StagedSweep& sweep, WordSize words, unsigned threads, double fit,
                             std::vector<std::size_t>& networks);

/// 2^15 - 1 less the highest halves of a block's random words, by pairs of units.
class PackNoise {
 public:
  /// Takes in those of a block of `places` rows, as networks share them, of a layer of `units`.
  void read(std::span<const StepNoise<std::int16_t>> steps, std::size_t places, std::size_t units);

  /// Of the units 2 pair and 2 pair + 1 [place][2]; null where nothing was drawn.
  const std::int16_t* gradient(std::size_t pair) const { return of(gradient_, pair); }
  const std::int16_t* master(std::size_t pair) const { return of(master_, pair); }

 private:
  void read(const std::uint16_t* rows, std::size_t units, std::vector<std::int16_t>& to) const;
  const std::int16_t* of(const std::vector<std::int16_t>& words, std::size_t pair) const {
    return words.empty() ? nullptr : &words[pair * 2 * places_];
  }

  std::size_t places_ = 0;
  std::vector<std::int16_t> gradient_, master_;  // [pair][place][2]
};

/// The networks of a pack in training. Outcomes are [member].
class NetworkPack {
 public:
  virtual ~NetworkPack() = default;

  /// Gives a member the weights that it starts from, biases left out.
  virtual void start(std::size_t member, const Weights& weights) = 0;

  /// Trains on the next samples, and sets right[first], right[first + 1] ... where a step was
  /// right. `noise` has the random words of each step, or nothing, and `pack_noise` the same for
  /// packs. Throws Interrupted soon after the progress is stopped.
  virtual void train(std::span<const LabelledInputs<std::int16_t>> samples,
                     std::span<const StepNoise<std::int16_t>> noise, const PackNoise& pack_noise,
                     std::size_t first, std::span<Outcome> outcomes, const Progress& progress) = 0;

  /// The held-out pass of some samples: held_out_right[first] ...
  virtual void judge(std::span<const LabelledInputs<std::int16_t>> samples, std::size_t first,
                     std::span<Outcome> outcomes, const Progress& progress) = 0;

  /// What training leaves: sums, digests, diagnostics and, where they are kept, weights.
  virtual void finish(std::span<Outcome> outcomes, bool keep_weights) const = 0;

  virtual GeneralStatistics statistics() const = 0;
};

/// A pack of 2 to most_packed networks that pack() has put together. `diagnosed` ones count.
std::unique_ptr<NetworkPack> make_pack(std::span<const NetworkSpec* const> networks,
                                       bool diagnosed);

}  // namespace gridrun
