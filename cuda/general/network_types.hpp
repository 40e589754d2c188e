// Host and device: what the kernels of networks in general read and write (docs/arithmetic.md,
// parts 4 to 8). All pointers are device memory.
//
// A block trains a network. Weights are stored input by input, [layer][input, the bias last][unit],
// so that neighbouring lanes read neighbouring units; a layer has room for a bias whether a network
// has one or not, so that all networks of a sweep are laid out alike. Inputs and errors are lists
// of what is not zero, in no order: sums do not depend on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "gridrun/diagnostics.hpp"
#include "gridrun/format.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun::cuda {

/// Lanes of a block that trains a network, at most: of plain ones (network_plan.hpp), whose kernels
/// take half the registers, and of others.
inline constexpr int most_plain_lanes = 768;
inline constexpr int most_network_lanes = 480;

/// A rounding without branches: V / 2^n is q, the floor, and rest / 2^n; it is rounded up where
/// rest + add + (V < 0 ? add_below_zero : 0) + (q & odd) is 2^n or more. A stochastic rounding adds
/// R. Words wrap.
struct Rounding {
  std::uint64_t add = 0;
  std::uint64_t add_below_zero = 0;
  std::uint64_t odd = 0;
};

/// The rounding of a shift by n places, 1 ... 63.
constexpr Rounding rounding_of(Round round, int n) {
  const std::uint64_t half = std::uint64_t{1} << (n - 1);
  switch (round) {
    case Round::toward_zero:
      return {0, 2 * half - 1, 0};
    case Round::nearest_up:
      return {half, 0, 0};
    case Round::nearest_down:
      return {half - 1, 0, 0};
    case Round::nearest_even:
      return {half - 1, 0, 1};
    case Round::nearest_away:
      return {half, ~std::uint64_t{0}, 0};
    case Round::floor:
    case Round::stochastic:
      break;
  }
  return {};
}

/// V / 2^n rounded, n in 1 ... the bits of Number less 1, or V where n is 0 and nothing is added.
template <typename Number>
GRIDRUN_HOST_DEVICE constexpr Number rounded_shift(Number value, int n, const Rounding& rounding,
                                                   std::make_unsigned_t<Number> random) {
  using Unsigned = std::make_unsigned_t<Number>;
  const auto quotient = static_cast<Number>(value >> n);
  const auto sign = static_cast<Unsigned>(value >> (8 * sizeof(Number) - 1));
  const Unsigned rest = static_cast<Unsigned>(value) & ((Unsigned{1} << n) - 1);
  const Unsigned sum = rest + static_cast<Unsigned>(rounding.add) + random +
                       (sign & static_cast<Unsigned>(rounding.add_below_zero)) +
                       (static_cast<Unsigned>(quotient) & static_cast<Unsigned>(rounding.odd));
  return static_cast<Number>(static_cast<Unsigned>(quotient) + (sum >> n));
}

/// How a value is brought into a format: fit() of format.hpp, all known but the value.
struct Fitting {
  std::int32_t shift = 0;  // to the right; to the left where negative
  std::int32_t bits = 64;
  std::int32_t random_bits = 32;
  Round round = Round::floor;
  Overflow overflow = Overflow::wrap;
  Rounding rounding;                       // of the shift, where it is to the right
  std::int64_t smallest = 0, largest = 0;  // words, where they saturate
};

/// Magnitude of values of 32 bits, at most, that are brought into formats of up to 30 bits.
inline constexpr std::int32_t narrow_most = 1 << 30;

/// What a rounding in 32 bits adds to a value before it shifts it: floors and random roundings,
/// whose R is added before, nothing.
enum class Added : std::uint8_t { nothing, constants, more_below_zero };

/// What words do that overflow in 32 bits: all of them saturate, all wrap, or any of the two.
enum class Overflows : std::uint8_t { saturate, wrap, any };

/// The same in 32 bits without branches, of values of at most narrow_most in magnitude, by a shift
/// of 0 ... 30: nothing leaves the words. Where rounding is stochastic nothing is added here, and
/// values come with R, which is below narrow_most, already added.
struct alignas(16) NarrowFitting {
  std::int32_t shift, add, add_below_zero, odd;  // as in Rounding
  std::int32_t spare;                            // bits that a wrapping word leaves, else 0
  std::int32_t smallest, largest;

  /// As rounded_shift() rounds, but what is added goes onto the value itself, for which full words
  /// would have no room. By rounded_shift() the kernels of plain networks would have 1.3 % more
  /// instructions. `kAdded`: added() or more.
  template <Added kAdded = Added::more_below_zero>
  GRIDRUN_HOST_DEVICE constexpr std::int32_t rounded(std::int32_t value) const {
    if constexpr (kAdded == Added::nothing) return value >> shift;
    const std::int32_t below =
        kAdded == Added::more_below_zero ? (value >> 31) & add_below_zero : 0;
    return (value + add + ((value >> shift) & odd) + below) >> shift;
  }
  /// Whether all that is beyond narrow_most in magnitude saturates, however it is rounded, and
  /// narrow_most too. A floor beyond it is narrow_most >> shift or more, or below zero one less,
  /// to which rounding adds one at most.
  GRIDRUN_HOST_DEVICE constexpr bool saturates_beyond() const {
    return largest < narrow_most >> shift;
  }
  /// What the format's rounding adds.
  constexpr Added added() const {
    if (add_below_zero != 0) return Added::more_below_zero;
    return add != 0 || odd != 0 ? Added::constants : Added::nothing;
  }
  /// `kOverflows`: what the format does, or any.
  template <Overflows kOverflows = Overflows::any>
  GRIDRUN_HOST_DEVICE constexpr std::int32_t overflowed(std::int32_t value) const {
    std::int32_t word = value;
    if constexpr (kOverflows != Overflows::saturate)
      word = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << spare) >> spare;
    if constexpr (kOverflows == Overflows::wrap) return word;
    const std::int32_t below = word < largest ? word : largest;
    return below > smallest ? below : smallest;
  }
};

/// What an update of a layer in 32 bits needs, but for random numbers. The master's word has the
/// step's rounding.
struct NarrowArithmetic {
  NarrowFitting gradient, master;
  Added added;          // by any of the two
  Overflows overflows;  // of both
};

/// What one network's arithmetic is in one layer.
struct LayerArithmetic {
  Fitting activation, leaking_activation;  // of the sum z; where z <= 0 and leaks
  Fitting error, leaking_error;            // of e
  Fitting gradient;                        // of P
  NarrowArithmetic narrow;                 // where `updates_in_32_bits`
  std::int64_t one;                        // x of the bias
  Activation kind;
  bool updates_in_32_bits;       // network_plan.hpp
  std::uint32_t least_in_fours;  // units with errors from which on weights are updated four at once
};

/// Which of the two roundings of an update, of gradient and master, are at random.
enum class AtRandom : std::uint8_t { none, one, both };

/// One network.
struct DeviceNetwork {
  Fitting accumulator;  // `bits` and `overflow` only
  Fitting step;         // of u; not overflowed
  Fitting master;       // `bits` and `overflow` only
  Fitting copy;         // of w, where `has_copies`
  Fitting input;        // `bits` and `overflow` only
  std::int32_t input_fraction;
  std::uint32_t input_list;     // which list of words stored bytes stand for, or of inputs
  std::int64_t target;          // of the unit that is right
  std::uint32_t rounding_seed;  //
  bool bias;
  bool has_copies;            // products use the weights in a format of their own
  AtRandom rounds_at_random;  // updates
};

/// A value of a list of those that are not zero: an input x, at the first weight of its row in the
/// layer, or an error d, at its unit.
template <typename Value>
struct alignas(2 * sizeof(Value)) Term {
  std::make_unsigned_t<Value> at;
  Value value;
};

/// Where a layer is in the weights of a network and in the vectors of a sample (in words of 64
/// bits); and how the lanes of a block share its units.
struct LayerPlace {
  std::uint32_t inputs;  // the bias not counted
  std::uint32_t units;
  std::uint32_t stride;       // words of a row of weights: units, which kernels that update after
                              // every sample rely on, and for batches zeros up to a multiple of 4
  std::uint64_t weights;      // [inputs + 1][stride], of 8 words a multiple
  std::uint32_t terms;        // of x, Term [inputs + 1]
  std::uint32_t sums;         // z [units], and once errors are found d: keep_error()
  std::uint32_t activations;  // a [units]
  std::uint32_t errors;       // of d, Term [units]
  bool by_warps;          // a warp takes `width` units, 1 or 2, and what is below that is 0; else
  std::uint32_t width;    // units that a lane multiplies at once: as many as 64 bits hold, if
                          // rows are whole numbers of them
  std::uint32_t tile;     // units that the block takes at once, of the width a multiple
  std::uint32_t shares;   // lanes that share the inputs of the same units, at most
  std::uint32_t inverse;  // division_inverse() of the tile's groups of `width` units
  std::uint32_t unit_lanes_log2;  // of the lanes that add up a unit's shares, at most a warp
};

/// Bytes of what says what a network of so many layers is, of 16 a multiple.
constexpr std::size_t network_table_bytes(std::size_t layers) {
  static_assert(sizeof(DeviceNetwork) % 16 == 0 && sizeof(LayerArithmetic) % 16 == 0 &&
                sizeof(LayerPlace) % 16 == 0);
  return sizeof(DeviceNetwork) + layers * (sizeof(LayerArithmetic) + sizeof(LayerPlace));
}

/// i / n is (i * division_inverse(n)) >> 21 for i up to most_plain_lanes and any n >= 1.
GRIDRUN_HOST_DEVICE constexpr std::uint32_t division_inverse(std::uint32_t n) {
  return (std::uint32_t{1} << 21) / n + 1;
}
GRIDRUN_HOST_DEVICE constexpr std::uint32_t divided(std::uint32_t i, std::uint32_t inverse) {
  return (i * inverse) >> 21;
}

/// Where the parts of a block's shared memory begin, in words of 64 bits. First come the parts of
/// sums, `width` of a lane.
struct SharedPlaces {
  std::uint32_t counters;  // of terms, 32 bits each: [inputs, errors][layers]
  std::uint32_t tables;    // if vectors are there: DeviceNetwork, LayerArithmetic [layers],
                           // LayerPlace [layers]
  std::uint32_t vectors;   // if they are there
  std::uint32_t sums;      // LaneSums [layers][lanes], if they are there
  std::uint32_t weights;   // if they are there
};

/// What updates in 32 bits add up to in a lane and a launch, whose terms are fewer than
/// most_lane_terms.
struct alignas(16) LaneSums {
  std::uint64_t abs_update, dropped;
};
inline constexpr std::uint64_t most_lane_terms = std::uint64_t{1} << 33;

/// What makes normals the weights that a layer starts from: initial_weights.hpp.
struct DrawnWeights {
  double mean, std, unit;
};

/// The samples of some successive steps, without their zeros.
struct StepInputs {
  const std::uint32_t* counts;  // [steps], of a sample's inputs in the lists below
  const std::uint32_t* index;   // [steps][inputs], which input
  const std::uint8_t* bytes;    // [steps][inputs] as stored, or null, and then
  const double* reals;          // [steps][inputs], stored / scale
  const std::uint32_t* labels;  // [steps]
};

/// The launch that lists them.
struct ListArguments {
  const void* stored;  // [samples][inputs], bytes or binary64
  double scale;
  std::uint32_t samples, inputs;
  std::uint32_t* counts;  // as StepInputs has them
  std::uint32_t* index;   //
  std::uint8_t* bytes;    // null where binary64 is stored
  double* reals;          // null where bytes are
};

/// The launch that trains all networks of a batch for some steps, or judges them by some held-out
/// samples, and the one between that adds up what their lanes counted.
struct NetworkArguments {
  const DeviceNetwork* networks;      // [networks]
  const LayerArithmetic* arithmetic;  // [networks][layers]
  const LayerPlace* places;           // [layers]
  std::uint32_t vector_words;         // of 64 bits, of a sample's vectors
  SharedPlaces shared;
  StepInputs steps;
  const std::int64_t* byte_words;  // [lists][256]
  void* weights;                   // [networks][weights_stride], words of the kernel
  std::int64_t* global_vectors;    // [networks][vector_words], if not in shared memory
  const DrawnWeights* drawn;       // [networks][layers], for the start
  const double* normals;           // [layers][units][inputs], the same for all networks
  LayerSums* lane_sums;            // [networks][layers][lanes]
  LayerDiagnostics* lane_counts;   // the same, or null
  std::uint32_t* right;            // [networks][right_stride], bit i % 32 of word i / 32: step i
  LayerSums* sums;                 // [networks][layers]
  LayerDiagnostics* counts;        // the same, or null
  std::uint64_t* digests;          // [networks]
  const std::uint32_t* order;      // [networks]: which network each block trains
  std::uint64_t* cycles;           // [networks] that its block took
  std::uint64_t weights_stride;    // words
  std::uint32_t right_stride;      // a multiple of 2
  std::uint32_t network_count;     //
  std::uint32_t layers;            //
  std::uint32_t lanes;             // that count, of a network
  std::uint32_t first_step, step_count;
  bool shared_sums;  // LaneSums are used
  bool judges;       // steps are held-out samples, which change nothing
};

/// How the launches of a batch of networks are laid out.
struct NetworkLaunch {
  std::size_t word = 8;          // bytes of a weight: 2, 4 or 8
  bool plain = false;            // network_plan.hpp
  bool shared_weights = false;   // in shared memory, else in global memory
  bool shared_vectors = false;   //
  bool shared_sums = false;      //
  bool counts = false;           // what diagnostics ask for; words of 8 bytes in global memory only
  std::uint32_t batch = 1;       // samples an update; where more than 1 (batch_types.hpp):
  std::uint32_t planes = 0;      // bytes of a factor that tensor cores multiply, or 0
  std::uint32_t networks = 0;    // blocks
  std::uint32_t lanes = 0;       // of a block, whole warps
  std::size_t shared_bytes = 0;  // of a block
  SharedPlaces shared{};         //
};

/// Calls `visit` with a zero of the word of so many bytes that weights are stored in.
template <typename Visit>
void visit_word(std::size_t bytes, Visit&& visit) {
  if (bytes == 2)
    visit(std::int16_t{});
  else if (bytes == 4)
    visit(std::int32_t{});
  else
    visit(std::int64_t{});
}

}  // namespace gridrun::cuda
