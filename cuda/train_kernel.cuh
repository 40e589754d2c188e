// Device: trains every neuron of a batch for a run of steps. Compiled by nvcc and, over the
// emulation, by the tests.
//
// A team of lanes trains its bundle of neurons through all steps: neurons of a network meet only in
// the arg-max, which settle_kernel.cuh does afterwards from the activations that this kernel writes
// down. The teams of a block share chunks of samples in shared memory (sample_chunks.cuh). A team
// keeps in registers the entries of the sample at hand, their weights, and the next entries, which
// arrive while this sample is trained.
#pragma once

#include <cstdint>
#include <type_traits>

#include "device_code.cuh"
#include "neuron_counts.cuh"
#include "sample_chunks.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// What a kernel is compiled for.
template <typename Word_, int Lanes, int Neurons, bool Shared>
struct Training {
  using Word = Word_;
  static constexpr bool narrow = sizeof(Word) == 4;
  static constexpr int lanes = Lanes;      // of a team
  static constexpr int neurons = Neurons;  // of its bundle
  static constexpr bool shared = Shared;   // weights in shared memory, else in global memory
  static constexpr bool counting = false;  // what diagnosed networks count
  static constexpr int most_warps = most_block_warps(sizeof(Word), {Lanes, Neurons}, counting);

  /// The weights of one input for all neurons of a bundle.
  struct alignas(sizeof(Word) * Neurons) Row {
    Word w[Neurons];
  };
  static_assert(warp_lanes % Lanes == 0 && Lanes >= Neurons);
  static_assert(sizeof(Row) <= 16, "a row is loaded by one instruction");
  static_assert(held_tiles * entries_of_lane * (std::uint64_t{1} << narrow_update_bits) <= 1U << 31,
                "a step's updates of the held tiles add up in 32 bits");
};

/// The same for networks that are diagnosed.
template <class Plain>
struct Diagnosed : Plain {
  static constexpr bool counting = true;
  static constexpr int most_warps =
      most_block_warps(sizeof(typename Plain::Word), {Plain::lanes, Plain::neurons}, counting);
};

/// Sums of a lane over a launch: 64 bits hold 2^34 terms below 2^30; wide terms fill 64 bits.
template <typename Word>
using LaneSum = std::conditional_t<sizeof(Word) == 4, std::uint64_t, WideSum>;

/// What a lane needs of one step's sample.
template <class T>
struct StepInput {
  LaneEntries<typename T::Word> held[held_tiles];  // of the first tiles
  const LaneEntries<typename T::Word>* from;       // of the first tile
  std::uint32_t tiles;
  typename T::Word target;  // of the lane's own neuron
};

/// What a neuron makes of its sum: the activation a and the error d, at scale 2^-fraction.
template <typename Word>
struct Output {
  Word a;
  Word d;
};

/// activate() and delta() in 32 bits, for fraction <= narrow_delta_bits, and what the bounds of
/// these words were: beyond them both are wrong, and the network is trained again in wide words.
class NarrowOutput {
 public:
  __device__ __forceinline__ NarrowOutput(const TrainArguments<std::int32_t>&,
                                          const SampleList<std::int32_t>& list)
      : fraction_(list.fraction),
        delta_limit_(static_cast<std::uint32_t>(list.delta_limit)),
        least_activation_(list.least_activation),
        least_high_(list.least_high),
        most_distance_(delta_limit_) {}

  /// With t = z >> fraction: relu has a = max(t, 0) and passes errors where t > 0.
  __device__ __forceinline__ Output<std::int32_t> of(std::int64_t z, std::int32_t target) {
    static_assert(narrow_delta_bits + 31 < 64);
    const auto t = static_cast<std::int32_t>(floor_shift(z, fraction_));
    const bool passes = static_cast<std::int32_t>(z >> 32) >= least_high_ && t >= least_activation_;
    const std::uint32_t d = static_cast<std::uint32_t>(target) - static_cast<std::uint32_t>(t);
    const Output<std::int32_t> own{passes ? t : 0, passes ? static_cast<std::int32_t>(d) : 0};
    const auto high = static_cast<std::int32_t>(floor_shift(z, 31));
    most_high_ = max(most_high_, high);
    lowest_high_ = min(lowest_high_, high);
    most_distance_ = max(most_distance_, static_cast<std::uint32_t>(own.d) + delta_limit_);
    return own;
  }

  /// Whether some t did not fit 32 bits, where it mattered, or some |d| was beyond the limit. A d
  /// that wrapped is beyond any.
  __device__ __forceinline__ bool outgrown() const {
    return most_distance_ > 2 * delta_limit_ || floor_shift(most_high_, fraction_) > 0 ||
           (least_high_ != 0 && floor_shift(lowest_high_, fraction_) < -1);
  }

 private:
  int fraction_;
  std::uint32_t delta_limit_;
  std::int32_t least_activation_;
  std::int32_t least_high_;
  std::int32_t most_high_ = 0;    // of z >> 31
  std::int32_t lowest_high_ = 0;  //
  std::uint32_t most_distance_;   // of d + delta_limit, unsigned
};

/// activate() and delta() in 64 bits, which have no bounds.
class WideOutput {
 public:
  __device__ __forceinline__ WideOutput(const TrainArguments<std::int64_t>& arguments,
                                        const SampleList<std::int64_t>& list)
      : fraction_(list.fraction), activation_(arguments.activation) {}

  __device__ __forceinline__ Output<std::int64_t> of(std::int64_t z, std::int64_t target) const {
    return {activate(z, fraction_, activation_), delta(target, z, fraction_, activation_)};
  }
  __device__ __forceinline__ bool outgrown() const { return false; }

 private:
  int fraction_;
  Activation activation_;
};

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
  std::uint32_t outgrown = 0;  // bits above narrow_weight_bits: a weight left its bound
  Counts counts;

  __device__ __forceinline__ void add(const UpdateSums<T>& sums) {
    abs_update += sums.abs_update;
    if constexpr (T::narrow)
      rest += static_cast<std::int32_t>(sums.rest);
    else
      rest += sums.rest;
    if constexpr (T::counting) counts.add(sums.counts);
  }

  /// One weight's update: w += (d x >> fraction) >> lr. Leaves |u| of narrow words to the caller
  /// where all of them have the same sign.
  template <bool SameSign>
  __device__ __forceinline__ void update(Word& w, Word d, Word x, int fraction, int lr,
                                         UpdateSums<T>& sums) {
    const std::int64_t p = product(d, x);
    const std::int64_t u = floor_shift(p, fraction);
    if constexpr (T::narrow) {
      const auto u32 = static_cast<std::int32_t>(u);
      const auto step = static_cast<std::int32_t>(floor_shift(p, fraction + lr));
      const auto moved = static_cast<std::uint32_t>(w) + static_cast<std::uint32_t>(step);
      w = static_cast<std::int32_t>(moved);
      outgrown |= moved + (1U << narrow_weight_bits);
      if constexpr (!SameSign) sums.abs_update += absolute(u32);
      sums.rest += static_cast<std::uint32_t>(u32);
    } else {
      w = wrapping_add(w, floor_shift(u, lr));
      sums.abs_update += magnitude(u);
      sums.rest += dropped_by_shift(u, lr);
    }
    if constexpr (T::counting) {
      const auto word = static_cast<Word>(u);
      counts.update(sums.counts, p, word, static_cast<Word>(word >> lr), w);
    }
  }
};

/// Adds a team's sum to the network's: one lane's atomic for each limb that is not zero.
template <class T, typename Sum>
__device__ __forceinline__ void add_to_network(Sum sum, std::uint64_t* limbs, bool writes) {
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(sum) / 4); ++i) {
    const std::uint64_t limb = team_sum<T::lanes>(static_cast<std::uint32_t>(sum >> (32 * i)));
    if (writes && limb != 0) atomic_add(limbs + i, limb);
  }
}

/// Adds the weights of a bundle, of narrow words, `sign` times to its networks' sums of steps. What
/// weights moved by between two such calls, their steps add up to, and 2^lr times that is what
/// updates add up to but for what was dropped.
template <class T>
__device__ __forceinline__ void add_steps(const TrainArguments<typename T::Word>& arguments,
                                          const typename T::Row* rows, const Unit* units, int lane,
                                          int sign) {
#pragma unroll 1
  for (int n = 0; n < T::neurons; ++n) {
    std::int64_t sum = 0;
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) sum += rows[k].w[n];
    const SignedSum steps = SignedSum{sign} * sum;
    const std::int32_t network = units[n].network;
    const bool used = network != no_network;
    const std::size_t at = used ? network : 0;
    const bool writes = used && lane == 0;
    add_to_network<T>(-(steps << units[n].lr), arguments.sums + (2 * at + 1) * sum_limbs, writes);
    if constexpr (T::counting) add_to_network<T>(steps, arguments.counts[at].step, writes);
  }
}

template <class T>
class NeuronTrainer {
 public:
  using Word = typename T::Word;
  using Row = typename T::Row;

  using Held = Row[held_tiles][entries_of_lane];

  /// `rows` are the bundle's weights [rows], `units` its neurons [neurons].
  __device__ __forceinline__ NeuronTrainer(const TrainArguments<Word>& arguments,
                                           const SampleList<Word>& list, const Unit* units,
                                           Row* rows, int lane)
      : rows_(reinterpret_cast<char*>(rows)),
        output_(arguments, list),
        own_output_(units[lane % T::neurons].output),
        one_(static_cast<Word>(list.one)),
        fraction_(list.fraction),
        lane_(lane) {
#pragma unroll
    for (int n = 0; n < T::neurons; ++n) lr_[n] = units[n].lr;
  }

  /// Begins to load a step's input.
  __device__ __forceinline__ void fetch(StepInput<T>& input, const Chunk<Word>& chunk,
                                        const SampleTiles& place) const {
    input.from = chunk.entries + std::size_t{place.begin - chunk.first_tile} * T::lanes + lane_;
    input.tiles = place.tiles;
    input.target = place.label == own_output_ ? one_ : 0;
#pragma unroll
    for (std::uint32_t c = 0; c < held_tiles; ++c)
      input.held[c] = load<T>(input.from + c * T::lanes);
  }

  /// Loads the weights of a step's held tiles.
  __device__ __forceinline__ void load_rows(const StepInput<T>& input, Held& held) const {
#pragma unroll
    for (std::uint32_t c = 0; c < held_tiles; ++c)
#pragma unroll
      for (int e = 0; e < entries_of_lane; ++e) held[c][e] = row(input.held[c].entry[e].row);
  }

  /// Adds up the lane's part of the neurons' sums.
  __device__ __forceinline__ void multiply(const StepInput<T>& input, const Held& held,
                                           std::uint64_t (&z)[T::neurons]) const {
#pragma unroll
    for (std::uint32_t c = 0; c < held_tiles; ++c) multiply_tile(held[c], z, input.held[c]);
#pragma unroll 1
    for (std::uint32_t c = held_tiles; c < input.tiles; ++c) {
      const Entries entries = load<T>(input.from + c * T::lanes);
      Row rows[entries_of_lane];
#pragma unroll
      for (int e = 0; e < entries_of_lane; ++e) rows[e] = row(entries.entry[e].row);
      multiply_tile(rows, z, entries);
    }
  }

  /// Updates the weights of a step, and then loads those of the next. Returns the activation a of
  /// neuron lane % neurons.
  __device__ __forceinline__ Word settle(const StepInput<T>& input, Held& held,
                                         std::uint64_t (&z)[T::neurons], const StepInput<T>& next,
                                         Held& next_held) {
    const std::int64_t own_z = own_sum<T::lanes, T::neurons, T::narrow>(z, lane_);
    const Output<Word> own = output_.of(own_z, input.target);
    if constexpr (T::counting) own_counts_.add(own_z, own.a, own.d);
    Word d[T::neurons];
    if (share_deltas(d, own.d)) {
#pragma unroll
      for (int n = 0; n < T::neurons; ++n)
        if (T::neurons == 1 || d[n] != 0) update_held(input, held, n, d[n]);
#pragma unroll
      for (std::uint32_t c = 0; c < held_tiles; ++c) store(held[c], input.held[c]);
#pragma unroll 1
      for (std::uint32_t c = held_tiles; c < input.tiles; ++c)
        load_and_update(d, load<T>(input.from + c * T::lanes));
    }
    __syncwarp();  // the next step's lanes read what these wrote
    load_rows(next, next_held);
    return own.a;
  }

  /// Adds the sums to the networks' and reports those that outgrew the word.
  __device__ __forceinline__ void finish(const TrainArguments<Word>& arguments, const Unit* units) {
#pragma unroll
    for (int n = 0; n < T::neurons; ++n) {
      const std::int32_t network = units[n].network;
      const bool used = network != no_network;
      std::uint64_t* sums = arguments.sums + (used ? network : 0) * (2 * sum_limbs);
      add_to_network<T>(sums_[n].abs_update, sums, used && lane_ == 0);
      const std::conditional_t<T::narrow, SignedSum, WideSum> rest = sums_[n].rest;
      add_to_network<T>(rest, sums + sum_limbs, used && lane_ == 0);
      const bool output_outgrown = output_.outgrown() && lane_ % T::neurons == n;
      if (used && (output_outgrown || sums_[n].outgrown >> (narrow_weight_bits + 1)))
        arguments.outgrown[network] = 1;
      if constexpr (T::counting)
        add_counts(sums_[n].counts, arguments.counts + (used ? network : 0), used && lane_ == 0);
    }
    if constexpr (T::counting) {
      const std::int32_t network = units[lane_ % T::neurons].network;
      if (lane_ >= T::neurons || network == no_network) return;
      NetworkCounts& counts = arguments.counts[network];
      atomic_or(&counts.accumulator, own_counts_.accumulator);
      atomic_or(&counts.activation, own_counts_.activation);
      atomic_or(&counts.error, own_counts_.error);
    }
  }

 private:
  using Entries = LaneEntries<Word>;
  using OwnCounts = std::conditional_t<T::counting, OutputCounts<Word>, NoCounts>;

  /// Adds a team's counts of a neuron to its network's.
  static __device__ __forceinline__ void add_counts(const NeuronCounts<Word>& counts,
                                                    NetworkCounts* network, bool writes) {
    const std::uint64_t gradient = team_or<T::lanes>(counts.gradient);
    const std::uint64_t master = team_or<T::lanes>(counts.master);
    const std::uint64_t updates = team_sum<T::lanes>(counts.updates);
    const std::uint64_t lost = team_sum<T::lanes>(counts.lost);
    if (writes) {
      atomic_or(&network->gradient, gradient);
      atomic_or(&network->master, master);
      atomic_add(&network->updates, updates);
      atomic_add(&network->lost, lost);
    }
    add_to_network<T>(counts.product_sum, network->product, writes);
    if constexpr (!T::narrow) add_to_network<T>(counts.step_sum, network->step, writes);
  }

  __device__ __forceinline__ Row& row(Word offset) const {
    return *reinterpret_cast<Row*>(rows_ + offset);
  }

  static __device__ __forceinline__ void multiply_tile(const Row (&rows)[entries_of_lane],
                                                       std::uint64_t (&z)[T::neurons],
                                                       const Entries& entries) {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e)
#pragma unroll
      for (int n = 0; n < T::neurons; ++n)
        z[n] += static_cast<std::uint64_t>(product(rows[e].w[n], entries.entry[e].x));
  }

  template <bool SameSign>
  __device__ __forceinline__ void update_tile(Row (&rows)[entries_of_lane], int n, Word d,
                                              const Entries& entries, UpdateSums<T>& sums) {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e)
      sums_[n].template update<SameSign>(rows[e].w[n], d, entries.entry[e].x, fraction_, lr_[n],
                                         sums);
  }

  __device__ __forceinline__ void store(const Row (&rows)[entries_of_lane],
                                        const Entries& entries) const {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e) row(anew(entries.entry[e].row)) = rows[e];
  }

  /// Updates neuron n's weights of the held tiles, whose inputs are not negative, in registers.
  __device__ __forceinline__ void update_held(const StepInput<T>& input, Held& held, int n,
                                              Word d) {
    UpdateSums<T> sums;
#pragma unroll
    for (std::uint32_t c = 0; c < held_tiles; ++c)
      update_tile<true>(held[c], n, d, input.held[c], sums);
    if constexpr (T::narrow) sums.abs_update = absolute(static_cast<std::int32_t>(sums.rest));
    sums_[n].add(sums);
  }

  /// Updates any other tile.
  __device__ __forceinline__ void load_and_update(const Word (&d)[T::neurons],
                                                  const Entries& entries) {
    Row rows[entries_of_lane];
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e) rows[e] = row(entries.entry[e].row);
#pragma unroll
    for (int n = 0; n < T::neurons; ++n) {
      if (d[n] == 0) continue;
      UpdateSums<T> sums;
      update_tile<false>(rows, n, d[n], entries, sums);
      sums_[n].add(sums);
    }
    store(rows, entries);
  }

  /// Every neuron's d to every lane of the team; whether any is not zero.
  __device__ __forceinline__ bool share_deltas(Word (&d)[T::neurons], Word own) const {
    if constexpr (T::neurons == 1) {
      d[0] = own;
      return own != 0;
    } else {
      Word any = 0;
#pragma unroll
      for (int n = 0; n < T::neurons; ++n) {
        d[n] = __shfl_sync(all_lanes, own, n, T::lanes);
        any |= d[n];
      }
      return any != 0;
    }
  }

  char* rows_;  // the bundle's weights, which entries point into by bytes
  NeuronSums<T> sums_[T::neurons];
  int lr_[T::neurons];
  std::conditional_t<T::narrow, NarrowOutput, WideOutput> output_;
  std::uint32_t own_output_;
  Word one_;  // at scale 2^-fraction
  int fraction_;
  int lane_;
  OwnCounts own_counts_;
};

/// The row of a neuron's activations.
template <typename Word>
__device__ __forceinline__ std::size_t activation_row(const TrainArguments<Word>& arguments,
                                                      const Unit& unit) {
  const bool used = unit.network != no_network;
  const auto network = used ? static_cast<std::uint32_t>(unit.network) : arguments.networks;
  return std::size_t{network} * arguments.outputs + (used ? unit.output : 0);
}

/// The team of this lane in its block, the same register for all lanes where the team is a warp.
template <class T>
__device__ __forceinline__ std::uint32_t team_of_block() {
  const std::uint32_t team = threadIdx.x / T::lanes;
  return T::lanes == warp_lanes ? __shfl_sync(all_lanes, team, 0) : team;
}

/// Trains the bundles of a block, a warp's 32 / lanes teams each. Blocks of whole warps; with
/// shared weights, dynamic shared memory: chunks_bytes() and behind them Row [teams][rows].
template <class T>
__global__ void __launch_bounds__(T::most_warps* warp_lanes)
    train_kernel(TrainArguments<typename T::Word> arguments) {
  using Word = typename T::Word;
  using Row = typename T::Row;
  const int lane = static_cast<int>(threadIdx.x) % T::lanes;
  const std::uint32_t team = team_of_block<T>();
  const std::uint32_t teams = blockDim.x / T::lanes;
  const std::size_t bundle = std::size_t{blockIdx.x} * teams + team;
  const Unit* units = arguments.units + bundle * T::neurons;
  const SampleList<Word> list = arguments.lists[read_only(arguments.block_lists + blockIdx.x)];

  Row* const stored = reinterpret_cast<Row*>(arguments.weights) + bundle * arguments.rows;
  Row* rows = stored;
  SampleChunks<T> chunks(arguments, list, dynamic_shared_memory());
  if constexpr (T::shared) {
    rows = reinterpret_cast<Row*>(static_cast<char*>(dynamic_shared_memory()) +
                                  chunks_bytes<Word>(T::lanes, arguments.chunk_tiles)) +
           std::size_t{team} * arguments.rows;
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) rows[k] = stored[k];
  }
  if constexpr (T::narrow) add_steps<T>(arguments, rows, units, lane, -1);  // of those it copied
  if constexpr (T::shared || T::narrow) __syncwarp();

  NeuronTrainer<T> trainer(arguments, list, units, rows, lane);
  // Of neuron lane % neurons: lanes that write the same do so to the same place.
  Word* activations = arguments.activations + activation_row(arguments, units[lane % T::neurons]) *
                                                  arguments.activation_stride;

  for (std::uint32_t done = 0; done < arguments.steps;) {
    const Chunk<Word> chunk = chunks.next();
    done += chunk.steps;
    // The step at hand and the next one, in turn, and the places of the two after them.
    StepInput<T> inputs[2];
    SampleTiles places[2] = {load<T>(chunk.places), load<T>(chunk.places + 1)};
    const SampleTiles* next_place = chunk.places + 2;
    typename NeuronTrainer<T>::Held held[2];
    trainer.fetch(inputs[0], chunk, places[0]);
    trainer.load_rows(inputs[0], held[0]);
    chunks.look_ahead();
    const auto step = [&](int turn) {
      std::uint64_t z[T::neurons] = {};
      trainer.multiply(inputs[turn], held[turn], z);
      trainer.fetch(inputs[1 - turn], chunk, places[1 - turn]);
      places[turn] = load<T>(next_place + turn);
      activations[turn] =
          trainer.settle(inputs[turn], held[turn], z, inputs[1 - turn], held[1 - turn]);
    };
#pragma unroll 1
    for (std::uint32_t pairs = chunk.steps / 2; pairs != 0; --pairs) {
      step(0);
      step(1);
      next_place += 2;
      activations += 2;
    }
    if (chunk.steps % 2 != 0) {
      step(0);
      activations += 1;
    }
  }

  trainer.finish(arguments, units);
  if constexpr (T::narrow) add_steps<T>(arguments, rows, units, lane, 1);
  if constexpr (T::shared)
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) stored[k] = rows[k];
}

}  // namespace gridrun::cuda
