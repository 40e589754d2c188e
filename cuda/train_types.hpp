// Host and device: what the kernels of cuda/ read and write. All pointers are device memory.
//
// A neuron is trained by a team of `lanes` lanes of one warp, which trains `neurons` neurons of
// one fraction at a time (a bundle). A word is what a weight, an input and an error are kept in:
// 32 bits where they fit (guarded), else 64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gridrun/arithmetic.hpp"

namespace gridrun::cuda {

inline constexpr int warp_lanes = 32;
inline constexpr int max_block_warps = 12;

/// How a warp's lanes are dealt out. Powers of two; neurons <= lanes.
struct Shape {
  int lanes = warp_lanes;  // of a team
  int neurons = 1;         // of a team's bundle

  constexpr int neurons_of_warp() const { return warp_lanes / lanes * neurons; }
  friend constexpr bool operator==(Shape a, Shape b) {
    return a.lanes == b.lanes && a.neurons == b.neurons;
  }
};

/// One input of one sample that is not zero, or padding: x = 0 and one of the padding rows, of
/// which each lane has its own, so that no two lanes of a team ever meet in a row.
template <typename Word>
struct alignas(2 * sizeof(Word)) Entry {
  Word row;  // byte offset in a bundle's weights: input * row bytes; padding: (inputs + lane) * ...
  Word x;    // 2^-fraction
};

/// Entries that a lane loads at once.
inline constexpr int entries_of_lane = 2;

/// A tile holds entries_of_lane entries for each lane of a team, [lanes][entries_of_lane]. Lane l
/// has the tile's entries l and lanes + l, so that neighbouring lanes visit neighbouring weights.
template <typename Word>
struct alignas(16) LaneEntries {
  Entry<Word> entry[entries_of_lane];
};

/// Where a sample's entries are, and what it shows.
struct alignas(16) SampleTiles {
  std::uint32_t begin;  // the first of its tiles
  std::uint32_t tiles;
  std::uint32_t label;
  std::uint32_t unused;
};

/// The inputs of all samples at one fraction, in the order of the steps, each sample padded to
/// whole tiles.
template <typename Word>
struct SampleList {
  const SampleTiles* samples;        // [samples]
  const LaneEntries<Word>* entries;  // [tiles][lanes], and prefetch_slack bytes more
  std::int64_t delta_limit;          // 2^-fraction: a larger |d| needs a wider word
  std::int32_t fraction;
};

/// How far ahead of the step at hand the lists are prefetched, in bytes; and how many bytes behind
/// a list's end belong to its buffer for that reason.
inline constexpr std::size_t prefetch_distance = 8192;
inline constexpr std::size_t prefetch_line = 128;
inline constexpr std::size_t prefetch_slack = prefetch_distance + warp_lanes * prefetch_line;

/// 32-bit words are exact within these bounds on magnitudes. Weights and updates: a lane sums eight
/// updates in 32 bits, and no update carries a weight from its bound past 2^31. Errors and targets,
/// at scale 2^-fraction. A lane's part of the sum z, so that a warp's is summed in two words.
inline constexpr int narrow_weight_bits = 25;
inline constexpr int narrow_update_bits = 27;  // also the largest lr
inline constexpr int narrow_delta_bits = 30;   // also the largest fraction
inline constexpr int narrow_part_bits = 53;

/// One neuron to train.
struct Unit {
  std::int32_t network;  // of the batch; no_network: a place that is not used
  std::uint32_t output;  // no_output for an unused place, which keeps its d at zero
  std::int32_t lr;
};
inline constexpr std::int32_t no_network = -1;
inline constexpr std::uint32_t no_output = ~0U;

/// A network's sum is kept as limbs of 32 bits in 64-bit words: their sum, each shifted to its
/// place, is the sum, whatever the order in which they were added.
inline constexpr int sum_limbs = 4;

/// What is counted of a network where it is diagnosed (docs/arithmetic.md, 8.7); all is 0 at first.
/// Of each tensor the bits in which its values differ from their signs, or-ed.
struct NetworkCounts {
  std::uint64_t accumulator, activation, error, gradient;
  std::uint64_t master;              // weights after updates
  std::uint64_t updates, lost;       //
  std::uint64_t inactive;            // steps for which no neuron was active
  std::uint64_t last_active;         // the last of the other steps, counted from 1, or 0
  std::uint64_t step[sum_limbs];     // 2^-fraction, modulo 2^128
  std::uint64_t product[sum_limbs];  // 2^-2fraction, modulo 2^128
};

/// The launch that trains all networks of a batch for `steps` steps.
template <typename Word>
struct TrainArguments {
  const SampleList<Word>* lists;     // [fractions of the batch]
  const std::uint32_t* block_lists;  // [blocks], which list a block's units read
  const Unit* units;                 // [blocks][units of a block]
  Word* weights;                     // [units / neurons][rows][neurons], units of the last place
  Word* activations;                 // [units][activation_stride], a of each step, 2^-fraction
  std::uint64_t* sums;               // [networks][|u|, dropped][sum_limbs], 2^-fraction
  std::uint32_t* outgrown;           // [networks], set to 1 where the word was too narrow
  NetworkCounts* counts;             // [networks], where they are diagnosed
  std::uint32_t activation_stride;   // >= steps
  std::uint32_t samples;
  std::uint32_t first_sample;  // of the first step
  std::uint32_t steps;
  std::uint32_t rows;  // inputs + lanes: the weights of a neuron and a padding row a lane
  Activation activation;
};

/// The launch that settles which steps were right, once their activations are known.
template <typename Word>
struct SettleArguments {
  const Word* activations;          // [units][activation_stride]
  const std::uint32_t* first_unit;  // [networks], of a network's `outputs` units in a row
  const std::uint32_t* labels;      // [samples], in the order of the steps
  std::uint32_t* right;             // [networks][right_stride], bit i % 32 of word i / 32: step i
  std::uint32_t activation_stride;
  std::uint32_t right_stride;
  std::uint32_t networks;
  std::uint32_t outputs;
  std::uint32_t samples;
  std::uint32_t first_sample;
  std::uint32_t steps;
  std::uint32_t first_word;  // of `right`, for the first step
};

/// The launch that adds up the digests of the weights that training left (weights_digest.hpp).
template <typename Word>
struct DigestArguments {
  const Word* weights;     // [bundles][rows][neurons], units of the last place
  const Unit* units;       // [bundles][neurons]
  std::uint64_t* digests;  // [networks], modulo 2^64
  std::uint32_t bundles;
  std::uint32_t inputs;
  std::uint32_t rows;     // > inputs: padding rows have no part in a digest
  std::uint32_t neurons;  // of a bundle
  std::uint32_t outputs;  // neurons of a network
};

}  // namespace gridrun::cuda
