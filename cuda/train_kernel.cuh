// Device: trains every neuron of a batch for a run of steps. Compiled by nvcc and, over the
// emulation, by the tests.
//
// A team of lanes trains its bundle of neurons through all steps without meeting any other team:
// neurons of a network meet only in the arg-max, which settle_kernel.cuh does afterwards from the
// activations that this kernel writes down. A team keeps in registers the entries of the sample at
// hand, their weights, and the entries of the next samples, which arrive while this one is trained.
#pragma once

#include <type_traits>

#include "device_code.cuh"
#include "neuron_counts.cuh"
#include "team_sum.cuh"

namespace gridrun::cuda {

/// What a kernel is compiled for.
template <typename Word_, int Lanes, int Neurons, bool Shared>
struct Training {
  using Word = Word_;
  static constexpr bool narrow = sizeof(Word) == 4;
  static constexpr int lanes = Lanes;          // of a team
  static constexpr int neurons = Neurons;      // of its bundle
  static constexpr bool shared = Shared;       // weights in shared memory, else in global memory
  static constexpr int held = narrow ? 4 : 2;  // tiles of a sample that stay in registers
  static constexpr bool counting = false;      // what diagnosed networks count

  /// The weights of one input for all neurons of a bundle.
  struct alignas(sizeof(Word) * Neurons) Row {
    Word w[Neurons];
  };
  static_assert(warp_lanes % Lanes == 0 && Lanes >= Neurons);
  static_assert(sizeof(Row) <= 16, "a row is loaded by one instruction");
  static_assert(held * entries_of_lane * (std::uint64_t{1} << narrow_update_bits) <= 1U << 31,
                "a step's updates of the held tiles add up in 32 bits");
};

/// The same for networks that are diagnosed.
template <class Plain>
struct Diagnosed : Plain {
  static constexpr bool counting = true;
};

/// How many steps before its own a step's entries are asked for: a step is shorter than the way to
/// the L2 cache and back.
inline constexpr int steps_ahead = 2;

/// Sums of a lane over a launch: 64 bits hold 2^34 terms below 2^30; wide terms fill 64 bits.
template <typename Word>
using LaneSum = std::conditional_t<sizeof(Word) == 4, std::uint64_t, WideSum>;

/// What a lane needs of one step's sample.
template <class T>
struct StepInput {
  LaneEntries<typename T::Word> held[T::held];  // of the first tiles
  const LaneEntries<typename T::Word>* from;    // of the first tile
  int tiles;
  std::uint32_t label;
};

/// Every sample has a tile, if only of padding.
template <class T>
__device__ __forceinline__ bool has_tile(const StepInput<T>& input, int tile) {
  return tile == 0 || tile < input.tiles;
}

/// Walks the samples in the order of the steps, a step's place ahead of its entries.
template <class T>
class SampleReader {
 public:
  using Word = typename T::Word;

  __device__ __forceinline__ SampleReader(const TrainArguments<Word>& arguments,
                                          const SampleList<Word>& list, int lane)
      : places_(list.samples),
        entries_(list.entries + lane),
        samples_(arguments.samples),
        sample_(arguments.first_sample),
        prefetch_offset_(prefetch_distance + lane * (prefetch_line - sizeof(LaneEntries<Word>))),
        prefetches_(threadIdx.x < warp_lanes) {
    place_ = read_only(places_ + sample_);
  }

  /// Begins to load the next step's input.
  __device__ __forceinline__ void next(StepInput<T>& input) {
    const char* from = reinterpret_cast<const char*>(entries_) +
                       std::uint64_t{place_.begin} * (T::lanes * sizeof(LaneEntries<Word>));
    input.from = reinterpret_cast<const LaneEntries<Word>*>(from);
    input.tiles = static_cast<int>(place_.tiles);
    input.label = place_.label;
#pragma unroll
    for (int c = 0; c < T::held; ++c)
      if (has_tile(input, c)) input.held[c] = read_only(input.from + c * T::lanes);
    if (prefetches_) prefetch(from + prefetch_offset_);  // once a block: its lanes share the list
    sample_ = sample_ + 1 == samples_ ? 0 : sample_ + 1;
    place_ = read_only(places_ + sample_);
  }

 private:
  const SampleTiles* places_;
  const LaneEntries<Word>* entries_;  // of this lane
  std::uint32_t samples_;
  std::uint32_t sample_;  // the next one
  SampleTiles place_;     // and where it is
  std::size_t prefetch_offset_;
  bool prefetches_;
};

/// What a neuron makes of its sum: the activation a and the error d, at scale 2^-fraction, and
/// whether they fit the word.
template <typename Word>
struct Output {
  Word a;
  Word d;
  bool fits;
};

/// activate() and delta() in 32 bits, for fraction <= narrow_delta_bits. With t = z >> fraction,
/// relu has a = max(t, 0), and passes errors where t > 0. The bits of t from 31 on are all equal
/// where t fits; where relu clips t they do not matter. A d that wraps is beyond any delta limit.
__device__ __forceinline__ Output<std::int32_t> narrow_output(std::int64_t z, std::int32_t target,
                                                              int fraction, bool relu) {
  static_assert(narrow_delta_bits + 31 < 64);
  const auto low = static_cast<std::int32_t>(floor_shift(z, fraction));
  const auto high = static_cast<std::int32_t>(floor_shift(z, fraction + 31));
  const std::int32_t a = relu && high < 0 ? 0 : low;
  const bool passes = !relu || a != 0;
  const auto d =
      static_cast<std::int32_t>(static_cast<std::uint32_t>(target) - static_cast<std::uint32_t>(a));
  return {a, passes ? d : 0, high == 0 || high == -1 || (relu && high < 0)};
}

/// A lane's share of what a few updates add up to: 32 bits suffice where words have 32.
template <class T>
struct UpdateSums {
  using Sum = std::conditional_t<T::narrow, std::uint32_t, WideSum>;
  using Counts = std::conditional_t<T::counting, UpdateCounts<typename T::Word>, NoCounts>;
  Sum abs_update = 0;
  Sum dropped = 0;
  Counts counts;
};

/// The same over a launch, and whether the word was wide enough.
template <class T>
struct NeuronSums {
  using Word = typename T::Word;
  using Counts = std::conditional_t<T::counting, NeuronCounts<Word>, NoCounts>;
  LaneSum<Word> abs_update = 0;
  LaneSum<Word> dropped = 0;
  std::uint32_t outgrown = 0;  // bits above narrow_weight_bits: a weight left its bound
  Counts counts;

  __device__ __forceinline__ void add(const UpdateSums<T>& sums) {
    abs_update += sums.abs_update;
    dropped += sums.dropped;
    if constexpr (T::counting) counts.add(sums.counts);
  }

  /// One weight's update: w += (d x >> fraction) >> lr.
  __device__ __forceinline__ void update(Word& w, Word d, Word x, int fraction, int lr,
                                         UpdateSums<T>& sums) {
    const std::int64_t p = product(d, x);
    const std::int64_t u = floor_shift(p, fraction);
    if constexpr (T::narrow) {
      const auto u32 = static_cast<std::int32_t>(u);
      const auto moved = static_cast<std::uint32_t>(w) + static_cast<std::uint32_t>(u32 >> lr);
      w = static_cast<std::int32_t>(moved);
      outgrown |= moved + (1U << narrow_weight_bits);
      sums.abs_update += static_cast<std::uint32_t>(u32 < 0 ? -u32 : u32);
      sums.dropped += static_cast<std::uint32_t>(u32) & ((1U << lr) - 1);
    } else {
      w = wrapping_add(w, floor_shift(u, lr));
      sums.abs_update += magnitude(u);
      sums.dropped += dropped_by_shift(u, lr);
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

/// Adds the weights of a bundle `sign` times to its networks' sums of steps: what weights of narrow
/// words moved by between two such calls, their steps add up to.
template <class T>
__device__ __forceinline__ void add_weights(const typename T::Row* rows, std::uint32_t count,
                                            int lane, int sign, const Unit* units,
                                            NetworkCounts* counts) {
#pragma unroll 1
  for (int n = 0; n < T::neurons; ++n) {
    std::int64_t sum = 0;
    for (std::uint32_t k = lane; k < count; k += T::lanes) sum += rows[k].w[n];
    const std::int32_t network = units[n].network;
    const bool used = network != no_network;
    add_to_network<T>(SignedSum{sign * sum}, counts[used ? network : 0].step, used && lane == 0);
  }
}

template <class T>
class NeuronTrainer {
 public:
  using Word = typename T::Word;
  using Row = typename T::Row;

  /// `rows` are the bundle's weights [rows], `units` its neurons [neurons].
  __device__ __forceinline__ NeuronTrainer(const TrainArguments<Word>& arguments,
                                           const SampleList<Word>& list, const Unit* units,
                                           Row* rows, int lane)
      : rows_(reinterpret_cast<char*>(rows)),
        own_output_(units[lane % T::neurons].output),
        delta_limit_(static_cast<Word>(list.delta_limit)),
        fraction_(list.fraction),
        lane_(lane),
        activation_(arguments.activation) {
#pragma unroll
    for (int n = 0; n < T::neurons; ++n) lr_[n] = units[n].lr;
  }

  /// One step. Returns the activation a of neuron lane % neurons.
  __device__ __forceinline__ Word step(const StepInput<T>& input) {
    Row held[T::held][entries_of_lane];
    std::uint64_t z[T::neurons] = {};
#pragma unroll
    for (int c = 0; c < T::held; ++c)
      if (has_tile(input, c)) load_and_multiply(held[c], z, input.held[c]);
#pragma unroll 1
    for (int c = T::held; c < input.tiles; ++c) {
      Row rows[entries_of_lane];
      load_and_multiply(rows, z, read_only(input.from + c * T::lanes));
    }

    const std::int64_t own_z = own_sum<T::lanes, T::neurons, T::narrow>(z, lane_);
    const Output<Word> own = output(own_z, input.label);
    if constexpr (T::counting) own_counts_.add(own_z, own.a, own.d);
    Word d[T::neurons];
    if (share_deltas(d, own.d)) {
#pragma unroll
      for (int n = 0; n < T::neurons; ++n) {
        if (d[n] == 0) continue;
        UpdateSums<T> sums;
#pragma unroll
        for (int c = 0; c < T::held; ++c)
          if (has_tile(input, c)) update(held[c], n, d[n], input.held[c], sums);
        sums_[n].add(sums);
      }
#pragma unroll
      for (int c = 0; c < T::held; ++c)
        if (has_tile(input, c)) store(held[c], input.held[c]);
#pragma unroll 1
      for (int c = T::held; c < input.tiles; ++c)
        load_and_update(d, read_only(input.from + c * T::lanes));
    }
    __syncwarp();  // the next step's lanes read what these wrote
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
      add_to_network<T>(sums_[n].dropped, sums + sum_limbs, used && lane_ == 0);
      const bool delta_outgrown = own_outgrown_ && lane_ % T::neurons == n;
      if (used && (delta_outgrown || sums_[n].outgrown >> (narrow_weight_bits + 1)))
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

  __device__ __forceinline__ Row& row(const Entry<Word>& entry) const {
    return *reinterpret_cast<Row*>(rows_ + entry.row);
  }

  __device__ __forceinline__ void load_and_multiply(Row (&rows)[entries_of_lane],
                                                    std::uint64_t (&z)[T::neurons],
                                                    const Entries& entries) const {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e) {
      rows[e] = row(entries.entry[e]);
#pragma unroll
      for (int n = 0; n < T::neurons; ++n)
        z[n] += static_cast<std::uint64_t>(product(rows[e].w[n], entries.entry[e].x));
    }
  }

  __device__ __forceinline__ void update(Row (&rows)[entries_of_lane], int n, Word d,
                                         const Entries& entries, UpdateSums<T>& sums) {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e)
      sums_[n].update(rows[e].w[n], d, entries.entry[e].x, fraction_, lr_[n], sums);
  }

  __device__ __forceinline__ void store(const Row (&rows)[entries_of_lane],
                                        const Entries& entries) const {
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e) row(entries.entry[e]) = rows[e];
  }

  /// Updates a tile that is not held in registers.
  __device__ __forceinline__ void load_and_update(const Word (&d)[T::neurons],
                                                  const Entries& entries) {
    Row rows[entries_of_lane];
#pragma unroll
    for (int e = 0; e < entries_of_lane; ++e) rows[e] = row(entries.entry[e]);
#pragma unroll
    for (int n = 0; n < T::neurons; ++n) {
      if (d[n] == 0) continue;
      UpdateSums<T> sums;
      update(rows, n, d[n], entries, sums);
      sums_[n].add(sums);
    }
    store(rows, entries);
  }

  /// What the lane's own neuron answers. A d that does not fit the word is noted and left out: what
  /// follows of the network is trained again with wide words.
  __device__ __forceinline__ Output<Word> output(std::int64_t z, std::uint32_t label) {
    if constexpr (T::narrow) {
      const Word target = label == own_output_ ? Word{1} << fraction_ : 0;
      Output<Word> own = narrow_output(z, target, fraction_, activation_ == Activation::relu);
      const auto limit = static_cast<std::uint32_t>(delta_limit_);
      if (!own.fits || static_cast<std::uint32_t>(own.d) + limit > 2 * limit) {  // |d| > limit
        own_outgrown_ = true;
        own.d = 0;
      }
      return own;
    } else {
      const std::int64_t target = label == own_output_ ? std::int64_t{1} << fraction_ : 0;
      return {activate(z, fraction_, activation_), delta(target, z, fraction_, activation_), true};
    }
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
  std::uint32_t own_output_;
  Word delta_limit_;
  int fraction_;
  int lane_;
  Activation activation_;
  bool own_outgrown_ = false;
  OwnCounts own_counts_;
};

/// Trains the bundles of a block, a warp's 32 / lanes teams each. Blocks of whole warps; with
/// shared weights, dynamic shared memory of Row [teams][rows].
template <class T>
__global__ void __launch_bounds__(max_block_warps* warp_lanes)
    train_kernel(TrainArguments<typename T::Word> arguments) {
  using Word = typename T::Word;
  using Row = typename T::Row;
  const int lane = static_cast<int>(threadIdx.x) % T::lanes;
  const std::size_t bundle = (std::size_t{blockIdx.x} * blockDim.x + threadIdx.x) / T::lanes;
  const Unit* units = arguments.units + bundle * T::neurons;
  const SampleList<Word> list = arguments.lists[read_only(arguments.block_lists + blockIdx.x)];

  Row* const stored = reinterpret_cast<Row*>(arguments.weights) + bundle * arguments.rows;
  Row* rows = stored;
  if constexpr (T::shared) {
    rows = static_cast<Row*>(dynamic_shared_memory()) +
           std::size_t{threadIdx.x / T::lanes} * arguments.rows;
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) rows[k] = stored[k];
  }
  constexpr bool steps_by_weights = T::counting && T::narrow;
  if constexpr (steps_by_weights)  // each lane those that it copied
    add_weights<T>(rows, arguments.rows, lane, -1, units, arguments.counts);
  if constexpr (T::shared || steps_by_weights) __syncwarp();

  NeuronTrainer<T> trainer(arguments, list, units, rows, lane);
  SampleReader<T> reader(arguments, list, lane);
  const bool writes = lane < T::neurons && units[lane % T::neurons].network != no_network;
  Word* activations = arguments.activations +
                      (bundle * T::neurons + lane % T::neurons) * arguments.activation_stride;

  // The step at hand and those whose entries are on their way, in turn.
  constexpr int turns = steps_ahead + 1;
  StepInput<T> inputs[turns];
#pragma unroll
  for (int turn = 0; turn < steps_ahead; ++turn) reader.next(inputs[turn]);
  for (std::uint32_t i = 0; i < arguments.steps; i += turns, activations += turns) {
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      if (i + turn == arguments.steps) break;
      reader.next(inputs[(turn + steps_ahead) % turns]);
      const Word a = trainer.step(inputs[turn]);
      if (writes) activations[turn] = a;
    }
  }

  trainer.finish(arguments, units);
  if constexpr (steps_by_weights)
    add_weights<T>(rows, arguments.rows, lane, 1, units, arguments.counts);
  if constexpr (T::shared)
    for (std::uint32_t k = lane; k < arguments.rows; k += T::lanes) stored[k] = rows[k];
}

}  // namespace gridrun::cuda
