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

/// How a warp's lanes are dealt out. Powers of two; neurons <= lanes.
struct Shape {
  int lanes = warp_lanes;  // of a team
  int neurons = 1;         // of a team's bundle

  constexpr int neurons_of_warp() const { return warp_lanes / lanes * neurons; }
  friend constexpr bool operator==(Shape a, Shape b) {
    return a.lanes == b.lanes && a.neurons == b.neurons;
  }
};

/// Warps of a block, at most: as many as the registers of a multiprocessor suffice for.
constexpr int most_block_warps(std::size_t word, Shape shape, bool counts) {
  if (word != 4 || shape.lanes != warp_lanes) return 12;
  if (shape.neurons == 1) return 20;
  return counts ? 12 : 16;
}

/// One input of one sample that is not zero, or padding: x = 0 and the padding row of its lane, so
/// that no two lanes of a team ever meet in a row. Narrow words have -x at scale
/// 2^-(narrow_input_scale - headroom): then the upper half of a product of 64 bits is the update,
/// and 1 fits 32 bits.
template <typename Word>
struct alignas(2 * sizeof(Word)) Entry {
  Word row;  // byte offset in a bundle's weights
  Word x;    // 2^-fraction
};

/// Entries that a lane loads at once.
inline constexpr int entries_of_lane = 2;

/// A tile holds entries_of_lane entries for each lane of a team, [lanes][entries_of_lane]. Input k
/// is lane k % lanes' if that lane has room, so that lanes visit weights in different banks.
template <typename Word>
struct alignas(16) LaneEntries {
  Entry<Word> entry[entries_of_lane];
};

/// Bytes of a tile of `lanes` lanes.
template <typename Word>
GRIDRUN_HOST_DEVICE constexpr std::uint32_t tile_bytes(int lanes) {
  return static_cast<std::uint32_t>(lanes) * std::uint32_t{sizeof(LaneEntries<Word>)};
}

/// What every step needs of its sample, in one load: where its entries are, and what it shows.
struct alignas(8) SamplePlace {
  std::uint32_t offset;  // of its tiles in a list's entries, bytes modulo 2^32
  std::uint32_t label;   // and looped_tiles
};

/// Set in a label where a sample has more tiles than lanes hold.
inline constexpr std::uint32_t looped_tiles = 1U << 31;

struct alignas(16) SampleTiles {
  SamplePlace place;
  std::uint32_t begin;  // the first of its tiles
  std::uint32_t tiles;
};

/// Of a list in narrow words.
struct NarrowList {
  std::int32_t headroom;          // all inputs are at most 2^headroom, and more than its negative
  std::uint32_t weight_bound;     // a power of two: w needs a wider word unless -bound < w <= bound
  std::uint32_t delta_limit;      // 2^-fraction: a larger |d| does
  std::int32_t least_activation;  // errors pass back from here on
};

/// The inputs of all samples at one fraction, in the order of the steps, each sample padded to
/// whole tiles, and to held_tiles.
template <typename Word>
struct SampleList {
  const SampleTiles* samples;        // [samples], and places_ahead more that are not used
  const LaneEntries<Word>* entries;  // [tiles][lanes]
  std::int64_t one;                  // 2^-fraction
  std::int32_t fraction;
  NarrowList narrow;  // of narrow words
};

/// Tiles that every sample has, if only of padding: no step tests for them, and a lane holds them
/// in registers. None of their inputs is negative, so that all updates of a neuron's step have the
/// error's sign: where a data set has negative inputs, these tiles are padding.
inline constexpr std::uint32_t held_tiles = 3;

/// Rows of a bundle: the weights of its neurons, and behind them, from a multiple of the lanes on,
/// a padding row for each lane, so that row r is in the shared memory banks of lane r % lanes.
GRIDRUN_HOST_DEVICE constexpr std::uint32_t first_padding_row(std::uint32_t inputs, int lanes) {
  const auto of_team = static_cast<std::uint32_t>(lanes);
  return (inputs + of_team - 1) / of_team * of_team;
}
GRIDRUN_HOST_DEVICE constexpr std::uint32_t rows_of(std::uint32_t inputs, int lanes) {
  return first_padding_row(inputs, lanes) + static_cast<std::uint32_t>(lanes);
}

/// Steps of a chunk, at most: what a block of shared weights copies from a list at once. Behind its
/// places are some that are looked at and not used.
inline constexpr std::uint32_t chunk_steps = warp_lanes;
inline constexpr std::uint32_t places_ahead = 2;
inline constexpr std::uint32_t chunk_places = chunk_steps + 4;  // aligns what is behind them

/// Shared memory for two chunks of `tiles` tiles: SampleTiles [2][chunk_places], LaneEntries
/// [2][tiles][lanes].
template <typename Word>
GRIDRUN_HOST_DEVICE constexpr std::size_t chunks_bytes(int lanes, std::uint32_t tiles) {
  return 2 * (chunk_places * sizeof(SampleTiles) + std::size_t{tiles} * tile_bytes<Word>(lanes));
}

/// 32-bit words are exact within these bounds on magnitudes.
///
/// Weights: each list has a bound, 2^narrow_weight_bits at most, that keeps every t = z >> fraction
/// below 2^31. With W = -w and X = -x at scale 2^-(narrow_input_scale - headroom), what a sum of W
/// X adds up to then stays below 2^62.
///
/// Inputs: fraction + headroom <= narrow_input_scale - narrow_input_zeros, so that so many of the
/// lowest bits of X are zero, and the lower words of a warp's lanes add up in 32 bits without them.
///
/// Updates: a lane sums six in 32 bits, and none carries a weight from its bound past 2^31. A list
/// limits errors, at scale 2^-fraction, so that updates keep their bound.
inline constexpr int narrow_weight_bits = 25;
inline constexpr int narrow_update_bits = 27;  // also the largest lr
inline constexpr int narrow_delta_bits = 30;
inline constexpr int narrow_input_scale = 31;
inline constexpr int narrow_input_zeros = 5;
static_assert(1 << narrow_input_zeros == warp_lanes);

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
  Word* activations;                 // [networks][outputs][activation_stride], a of each step,
                                     // 2^-fraction, and a row for all places that are not used
  std::uint64_t* sums;               // [networks][|u|, dropped][sum_limbs], 2^-fraction
  std::uint32_t* outgrown;           // [networks], set to 1 where the word was too narrow
  NetworkCounts* counts;             // [networks], where they are diagnosed
  std::uint32_t networks;
  std::uint32_t outputs;
  std::uint32_t activation_stride;  // >= steps
  std::uint32_t samples;
  std::uint32_t first_sample;  // of the first step
  std::uint32_t steps;
  std::uint32_t rows;         // rows_of(inputs, lanes)
  std::uint32_t chunk_tiles;  // of a chunk, at most; those of any one sample at least
  Activation activation;
};

/// The launch that settles which steps were right, once their activations are known.
template <typename Word>
struct SettleArguments {
  const Word* activations;      // [networks][outputs][activation_stride]
  const std::uint32_t* labels;  // [samples], in the order of the steps
  std::uint32_t* right;         // [networks][right_stride], bit i % 32 of word i / 32: step i
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
