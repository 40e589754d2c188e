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
#include "neuron_output.cuh"
#include "neuron_sums.cuh"
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
  // Of whose sums each lane makes activations and errors: all of two, where hardware sums give them
  // to all lanes, which saves a shuffle; else of neuron lane % neurons.
  static constexpr int settled =
      narrow && has_warp_sum && Lanes == warp_lanes && Neurons == 2 ? 2 : 1;

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
  static constexpr int settled = 1;
  static constexpr int most_warps =
      most_block_warps(sizeof(typename Plain::Word), {Plain::lanes, Plain::neurons}, counting);
};

/// What a lane needs of one step's sample.
template <class T>
struct StepInput {
  LaneEntries<typename T::Word> held[held_tiles];  // of the first tiles
  const LaneEntries<typename T::Word>* from;       // of the first tile
  std::uint32_t label;                             // and looped_tiles: there are more than these
  typename T::Word target[T::settled];

  __device__ __forceinline__ bool looped() const { return (label & looped_tiles) != 0; }
};

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
        one_(static_cast<Word>(list.one)),
        fraction_(list.fraction),
        weight_bound_(list.narrow.weight_bound),
        error_scale_(0U - (2U << list.narrow.headroom)),
        lane_(lane) {
#pragma unroll
    for (int n = 0; n < T::neurons; ++n) lr_[n] = units[n].lr;
#pragma unroll
    for (int o = 0; o < T::settled; ++o) {
      output_[o] = NeuronOutput(arguments, list);
      label_of_[o] = units[T::settled == 1 ? lane % T::neurons : o].output;
    }
  }

  /// Begins to load a step's input.
  __device__ __forceinline__ void fetch(StepInput<T>& input, const Chunk<Word>& chunk,
                                        const SampleTiles* sample, const SamplePlace& place) const {
    if constexpr (T::shared)
      input.from =
          reinterpret_cast<const Entries*>(reinterpret_cast<const char*>(chunk.entries + lane_) +
                                           (place.offset - chunk.first_offset));
    else  // a list may have more than 2^32 bytes
      input.from = chunk.entries + std::size_t{load<T>(&sample->begin)} * T::lanes + lane_;
    input.label = place.label;
    const std::uint32_t label = place.label & ~looped_tiles;
#pragma unroll
    for (int o = 0; o < T::settled; ++o) input.target[o] = label == label_of_[o] ? one_ : 0;
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

  /// Adds up the lane's part of the neurons' sums. `sample`: the step's.
  __device__ __forceinline__ void multiply(const StepInput<T>& input, const SampleTiles* sample,
                                           const Held& held, std::uint64_t (&z)[T::neurons]) const {
#pragma unroll
    for (std::uint32_t c = 0; c < held_tiles; ++c) multiply_tile(held[c], z, input.held[c]);
    if (!input.looped()) return;
    const std::uint32_t tiles = load<T>(&sample->tiles);
#pragma unroll 1
    for (std::uint32_t c = held_tiles; c < tiles; ++c) {
      const Entries entries = load<T>(input.from + c * T::lanes);
      Row rows[entries_of_lane];
#pragma unroll
      for (int e = 0; e < entries_of_lane; ++e) rows[e] = row(entries.entry[e].row);
      multiply_tile(rows, z, entries);
    }
  }

  /// Updates the weights of a step, and then loads those of the next. Returns the activation a of
  /// neuron lane % neurons.
  __device__ __forceinline__ Word settle(const StepInput<T>& input, const SampleTiles* sample,
                                         Held& held, std::uint64_t (&z)[T::neurons],
                                         const StepInput<T>& next, Held& next_held) {
    using Sum = typename NeuronOutput::Sum;
    Word d[T::neurons], own_d[T::settled], own_a;
    bool any;
    if constexpr (T::settled == 2) {
      const Output<Word> first = output_[0].of(Sum::of_warp(z[0]), input.target[0]);
      const Output<Word> second = output_[1].of(Sum::of_warp(z[1]), input.target[1]);
      d[0] = own_d[0] = first.d;
      d[1] = own_d[1] = second.d;
      any = (first.d | second.d) != 0;
      own_a = lane_ % 2 == 0 ? first.a : second.a;
    } else {
      const auto sum = own_sum<Sum, T::lanes, T::neurons>(z, lane_);
      const Output<Word> own = output_[0].of(sum, input.target[0]);
      if constexpr (T::counting)
        own_counts_.add(output_[0].accumulator(sum, fraction_), own.a, own.d);
      any = share_deltas(d, own.d);
      own_d[0] = own.d;
      own_a = own.a;
    }
    if (any) {
#pragma unroll
      for (int o = 0; o < T::settled; ++o) output_[o].guard(own_d[o]);
      update(input, sample, held, d);
    }
    __syncwarp();  // the next step's lanes read what these wrote
    load_rows(next, next_held);
    return own_a;
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
      const bool output_outgrown = T::settled == T::neurons
                                       ? output_[n % T::settled].outgrown()
                                       : output_[0].outgrown() && lane_ % T::neurons == n;
      const bool weight_outgrown = T::narrow && sums_[n].outgrown >= 2 * weight_bound_;
      if (used && (output_outgrown || weight_outgrown)) arguments.outgrown[network] = 1;
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
  using NeuronOutput = std::conditional_t<T::narrow, NarrowOutput, WideOutput>;
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
    for (int e = 0; e < entries_of_lane; ++e) {
      const Word x = entries.entry[e].x;
      if constexpr (T::narrow)
        sums_[n].template update_narrow<SameSign>(
            rows[e].w[n], static_cast<std::int32_t>(static_cast<std::uint32_t>(d) * error_scale_),
            x, fraction_, lr_[n], weight_bound_, sums);
      else
        sums_[n].update(rows[e].w[n], d, x, fraction_, lr_[n], sums);
    }
  }

  __device__ __forceinline__ void store(const Row (&rows)[entries_of_lane],
                                        const Entries& entries) const {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e) row(anew(entries.entry[e].row)) = rows[e];
  }

  /// Updates the weights of a step by its errors, not all of them zero.
  __device__ __forceinline__ void update(const StepInput<T>& input, const SampleTiles* sample,
                                         Held& held, const Word (&d)[T::neurons]) {
#pragma unroll
    for (int n = 0; n < T::neurons; ++n)
      if (T::neurons == 1 || d[n] != 0) update_held(input, held, n, d[n]);
#pragma unroll
    for (std::uint32_t c = 0; c < held_tiles; ++c) store(held[c], input.held[c]);
    if (input.looped()) {
      const std::uint32_t tiles = load<T>(&sample->tiles);
#pragma unroll 1
      for (std::uint32_t c = held_tiles; c < tiles; ++c)
        load_and_update(d, load<T>(input.from + c * T::lanes));
    }
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
  NeuronOutput output_[T::settled];
  std::uint32_t label_of_[T::settled];
  Word one_;  // at scale 2^-fraction
  int fraction_;
  std::uint32_t weight_bound_;  // of narrow words
  std::uint32_t error_scale_;   // of d, for update_narrow
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

/// Copies the weights of a bundle, which narrow kernels negate: they keep W = -w. In global memory
/// they do so in place.
template <class T>
__device__ __forceinline__ void copy_weights(const TrainArguments<typename T::Word>& arguments,
                                             const typename T::Row* from, typename T::Row* to,
                                             int lane) {
  if constexpr (T::shared || T::narrow)
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) {
      typename T::Row row = from[k];
      if constexpr (T::narrow)
        for (int n = 0; n < T::neurons; ++n) row.w[n] = negated(row.w[n]);
      to[k] = row;
    }
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
  if constexpr (T::shared)
    rows = reinterpret_cast<Row*>(static_cast<char*>(dynamic_shared_memory()) +
                                  chunks_bytes<Word>(T::lanes, arguments.chunk_tiles)) +
           std::size_t{team} * arguments.rows;
  copy_weights<T>(arguments, stored, rows, lane);
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
    SamplePlace places[2] = {load<T>(&chunk.places[0].place), load<T>(&chunk.places[1].place)};
    const SampleTiles* samples = chunk.places;
    typename NeuronTrainer<T>::Held held[2];
    trainer.fetch(inputs[0], chunk, samples, places[0]);
    trainer.load_rows(inputs[0], held[0]);
    chunks.look_ahead();
    const auto step = [&](int turn) {
      std::uint64_t z[T::neurons] = {};
      trainer.multiply(inputs[turn], samples + turn, held[turn], z);
      trainer.fetch(inputs[1 - turn], chunk, samples + turn + 1, places[1 - turn]);
      places[turn] = load<T>(&samples[turn + 2].place);
      activations[turn] = trainer.settle(inputs[turn], samples + turn, held[turn], z,
                                         inputs[1 - turn], held[1 - turn]);
    };
#pragma unroll 1
    for (std::uint32_t pairs = chunk.steps / 2; pairs != 0; --pairs) {
      step(0);
      step(1);
      samples += 2;
      activations += 2;
    }
    if (chunk.steps % 2 != 0) {
      step(0);
      activations += 1;
    }
  }

  trainer.finish(arguments, units);
  if constexpr (T::narrow) add_steps<T>(arguments, rows, units, lane, 1);
  copy_weights<T>(arguments, rows, stored, lane);
}

}  // namespace gridrun::cuda
