// Host and device: what the kernels of networks in general read and write (docs/arithmetic.md,
// parts 4 to 8). All pointers are device memory.
//
// A block trains a network. Weights are stored input by input, [layer][input, the bias last][unit],
// so that neighbouring lanes read neighbouring units; a layer has room for a bias whether a network
// has one or not, so that all networks of a sweep are laid out alike.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gridrun/diagnostics.hpp"
#include "gridrun/format.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun::cuda {

/// Lanes of a block that trains a network, at most.
inline constexpr int most_network_lanes = 512;

/// How a value is brought into a format: fit() of format.hpp, all known but the value.
struct Fitting {
  std::int32_t shift = 0;  // to the right; to the left where negative
  std::int32_t bits = 64;
  std::int32_t random_bits = 32;
  Round round = Round::floor;
  Overflow overflow = Overflow::wrap;
};

/// What one network's arithmetic is in one layer.
struct LayerArithmetic {
  Fitting activation, leaking_activation;  // of the sum z; where z <= 0 and leaks
  Fitting error, leaking_error;            // of e
  Fitting gradient;                        // of P
  std::int64_t one;                        // x of the bias
  Activation kind;
  bool updates_in_32_bits;  // all that comes of P, and every shift is to the right
};

/// One network.
struct DeviceNetwork {
  Fitting accumulator;  // `bits` and `overflow` only
  Fitting step;         // of u; not overflowed
  Fitting master;       // `bits` and `overflow` only
  Fitting copy;         // of w, where `has_copies`
  Fitting input;        // `bits` and `overflow` only
  std::int32_t input_fraction;
  std::uint32_t byte_words;     // which list of words stored bytes stand for
  std::int64_t target;          // of the unit that is right
  std::uint32_t batch;          // samples an update
  std::uint32_t rounding_seed;  //
  std::uint64_t vectors;        // where its vectors begin, where they are in global memory
  bool bias;
  bool has_copies;  // products use the weights in a format of their own
};

/// Where a layer is in the weights of a network, and in the vectors of a sample; in words.
struct LayerPlace {
  std::uint32_t inputs;  // the bias not counted
  std::uint32_t units;
  std::uint64_t weights;      // [inputs + 1][units]
  std::uint32_t sums;         // z [units]
  std::uint32_t activations;  // a [units + 1], the next layer's bias last
  std::uint32_t errors;       // d [units]
};

/// The vectors of one sample are 64-bit words: the indices of its inputs that are not zero
/// [inputs + 1] of 32 bits, these inputs x [inputs + 1], then those of LayerPlace. In batches there
/// are no indices, and x are all inputs.
struct VectorPlaces {
  std::uint32_t inputs;  // x
  std::uint32_t words;   // of one sample
};

/// The samples of some successive steps, without their zeros.
struct StepInputs {
  const std::uint32_t* first;   // [steps + 1], of a step's inputs in the lists below
  const std::uint32_t* index;   // which input
  const std::uint8_t* bytes;    // as stored, or null, and then
  const double* reals;          // stored / scale
  const std::uint32_t* labels;  // [steps]
};

/// The counts of a layer that come of the steps. docs/arithmetic.md, 8.7.
struct LayerCounts {
  TensorDiagnostics tensor[tensor_count];  // in the order of Tensor
  std::uint64_t updates, lost, inactive, last_inactive;
  SignedSum step, product;
};

/// The launch that trains all networks of a batch for some steps, or judges them by some held-out
/// samples, and the one between that adds up what their lanes counted.
struct NetworkArguments {
  const DeviceNetwork* networks;      // [networks]
  const LayerArithmetic* arithmetic;  // [networks][layers]
  const LayerPlace* places;           // [layers]
  VectorPlaces vectors;
  StepInputs steps;
  const std::int64_t* byte_words;  // [lists][256]
  void* weights;                   // [networks][weights_stride], words of the kernel
  std::int64_t* global_vectors;    // [samples of all batches][vectors.words], if any
  LayerSums* lane_sums;            // [networks][layers][lanes]
  LayerCounts* lane_counts;        // the same, or null
  std::uint32_t* right;            // [networks][right_stride], bit i % 32 of word i / 32: step i
  LayerSums* sums;                 // [networks][layers]
  LayerCounts* counts;             // the same, or null
  std::uint64_t* digests;          // [networks]
  std::uint64_t weights_stride;    // words
  std::uint32_t right_stride;      //
  std::uint32_t layers;            //
  std::uint32_t lanes;             // of a block of the training launch
  std::uint32_t first_step, step_count;
  bool judges;  // steps are held-out samples, which change nothing
};

/// How the launches of a batch of networks are laid out.
struct NetworkLaunch {
  std::size_t word = 8;          // bytes of a weight: 2, 4 or 8
  bool shared_weights = false;   // in shared memory, else in global memory
  bool shared_vectors = false;   //
  bool counts = false;           // what diagnostics ask for; words of 8 bytes in global memory only
  std::uint32_t networks = 0;    // blocks
  std::uint32_t lanes = 0;       // of a block, whole warps
  std::size_t shared_bytes = 0;  // of a block
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
