// Host: decides how a sweep is trained on a device: word, shape, blocks and places of the neurons.
// Pure functions of the sweep and the device's limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device.hpp"
#include "gridrun/study_sweep.hpp"

namespace gridrun::cuda {

/// What bounds a sweep's numbers.
struct Magnitudes {
  double input = 0;           // the largest |input|
  double input_sum = 0;       // the largest sum of a sample's |inputs|
  bool any_negative = false;  // of the inputs
  std::uint32_t inputs = 0;   // of a sample
  std::uint64_t weight = 0;   // the largest initial |w|
};

/// The least headroom with which 32-bit words hold the inputs (NarrowList).
int narrow_headroom(int fraction, const Magnitudes& largest);

/// The bound on |w| of 32-bit words, or 0 where there is none.
std::uint32_t narrow_weight_bound(int fraction, const Magnitudes& largest);

/// The largest |d| with which 32-bit words compute exactly, at scale 2^-fraction.
std::int64_t narrow_delta_limit(int fraction, const Magnitudes& largest);

/// Whether a network may begin in 32-bit words: its inputs, initial weights, sums, target and
/// shifts fit their bounds (train_types.hpp). What it computes later is guarded.
bool fits_narrow(const StudyNetwork& network, const Magnitudes& largest);

/// What one launch has to train.
struct Workload {
  std::size_t word = 4;                            // bytes of a weight
  std::uint32_t inputs = 0;                        //
  double mean_nonzeros = 0;                        // of a sample
  std::vector<std::uint64_t> neurons_of_fraction;  // one count a fraction
  bool diagnose = false;                           // networks are counted
};

/// The shapes that kernels are compiled for, by rising number of neurons in a warp. Those that
/// diagnose are fewer: the counts of four neurons do not fit a lane's registers, one neuron has no
/// advantage over two but a shorter step, and each shape takes seconds to compile for each
/// architecture. In 32-bit words there is one for many inputs and one for few.
const std::vector<Shape>& shapes_of(std::size_t word, bool shared, bool diagnose = false);

/// Bytes of a team's weights, its padding rows included.
std::size_t team_bytes(const Workload& work, Shape shape);

/// How to train a workload: in the shape whose step takes the busiest multiprocessor the fewest
/// cycles, of those whose weights and samples fit shared memory, and of equals the one with the
/// fewest neurons to a warp; with weights in global memory where no shape fits. Few neurons so are
/// spread over whole warps, which shortens a step, and many are packed, which lets them share its
/// instructions. `blocks` is left open: it is lay_out's to say.
TrainLaunch choose_launch(const Workload& work, const DeviceLimits& limits);

/// The same with the shape given, if its weights and samples fit shared memory.
TrainLaunch launch_of_shape(const Workload& work, const DeviceLimits& limits, Shape shape);

/// Which neuron is trained where.
struct Layout {
  std::vector<Unit> units;                 // [blocks][units of a block]
  std::vector<std::uint32_t> block_lists;  // [blocks], an index of `fractions`
  std::vector<std::uint32_t> unit_of;      // [networks][outputs], an index of `units`
  std::vector<int> fractions;              // of the lists, rising
};

/// Places the neurons of `networks`, which are sorted by fraction: a block's all of one fraction,
/// and the blocks with the most work first. The higher a fraction, the more of its steps change
/// weights.
Layout lay_out(const std::vector<StudyNetwork>& networks, std::uint32_t outputs,
               const TrainLaunch& launch);

}  // namespace gridrun::cuda
