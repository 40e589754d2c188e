// Host: what the engine needs of a GPU. cuda_device.cu is one over the CUDA runtime; the tests have
// one that runs the kernels' source on the processor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "batches/batch_types.hpp"
#include "general/network_types.hpp"
#include "train_types.hpp"

namespace gridrun::cuda {

/// What the shape of a launch depends on.
struct DeviceLimits {
  int multiprocessors = 1;
  std::size_t shared_of_block = 0;           // bytes of shared memory, at most
  std::size_t shared_of_multiprocessor = 0;  // bytes
  double clock = 0;                          // Hz, at most; for figures only

  /// Bytes of shared memory that each of so many blocks on a multiprocessor may have.
  std::size_t shared_of_each(std::size_t blocks) const {
    constexpr std::size_t reserved = 1024;  // bytes that CUDA takes of each itself
    const std::size_t share = shared_of_multiprocessor / blocks;
    return std::min(shared_of_block, share > reserved ? share - reserved : 0);
  }
};

/// The data set on the device, in the order of the steps.
struct Samples {
  const void* values;          // [stored samples][inputs], bytes or doubles
  bool bytes;                  //
  const std::uint32_t* order;  // [samples], indices of stored samples
  std::uint32_t samples;
  std::uint32_t inputs;
  double scale;       // input = stored value / scale
  bool any_negative;  // of the inputs
};

/// What a list's entries are made for.
struct ListPlan {
  int fraction = 0;
  Shape shape;
  std::size_t word = sizeof(std::int32_t);  // bytes
  int headroom = 0;                         // of narrow words

  std::uint32_t lanes() const { return static_cast<std::uint32_t>(shape.lanes); }
};

/// How a training launch is laid out.
struct TrainLaunch {
  Shape shape;
  bool shared = true;     // weights in shared memory, else in global memory
  bool diagnose = false;  // networks are counted
  std::uint32_t blocks = 0;
  std::uint32_t block_lanes = 0;  // whole warps
  std::uint32_t chunk_tiles = 0;  // of samples in shared memory, at most
  std::size_t shared_bytes = 0;   // of a block
};

/// Every call throws RunError when it fails. Launches are ordered and need not be finished before
/// wait() or download() returns.
class Device {
 public:
  virtual ~Device() = default;

  virtual std::string description() const = 0;  // "NVIDIA H100 (GPU 0)"
  virtual DeviceLimits limits() const = 0;
  virtual std::size_t free_memory() = 0;

  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  virtual void upload(void* to, const void* from, std::size_t bytes) = 0;
  virtual void download(void* to, const void* from, std::size_t bytes) = 0;
  virtual void clear(void* memory, std::size_t bytes) = 0;
  virtual void wait() = 0;

  /// The device's own seconds from start_timer() until all that was launched has ended.
  virtual void start_timer() = 0;
  virtual double seconds() = 0;

  // Staging: stage_on_device.cu.

  /// The largest |input| of the samples, 0 without any.
  virtual double largest_input(const Samples& samples) = 0;

  /// The largest sum of a sample's |inputs|.
  virtual double largest_input_sum(const Samples& samples) = 0;

  /// How many of their inputs are not zero at a fraction.
  virtual std::uint64_t count_nonzeros(const Samples& samples, int fraction) = 0;

  /// Selects the non-zero inputs into `positions` [nonzeros], notes in `first` [samples + 1] which
  /// of them is each sample's first, and finds the samples' `places` [samples + places_ahead].
  virtual void stage_places(const Samples& samples, const std::uint32_t* labels,
                            const ListPlan& plan, std::uint64_t* positions, std::uint64_t* first,
                            SampleTiles* places) = 0;

  /// Fills `entries`, LaneEntries [tiles][lanes] of the plan's words, from what stage_places left.
  virtual void stage_entries(const Samples& samples, const ListPlan& plan,
                             const std::uint64_t* positions, const std::uint64_t* first,
                             const SampleTiles* places, std::uint64_t tiles, void* entries) = 0;

  /// Fills `weights` [units / neurons][rows][neurons] from `initial` [outputs][inputs].
  virtual void stage_weights(const std::int64_t* initial, std::uint32_t inputs, std::uint32_t rows,
                             int neurons, const Unit* units, std::uint64_t unit_count,
                             std::int32_t* weights) = 0;
  virtual void stage_weights(const std::int64_t* initial, std::uint32_t inputs, std::uint32_t rows,
                             int neurons, const Unit* units, std::uint64_t unit_count,
                             std::int64_t* weights) = 0;

  // Kernels: train_kernel.cuh, settle_kernel.cuh, inactive_kernel.cuh and digest_kernel.cuh.
  virtual void train(const TrainLaunch& launch, const TrainArguments<std::int32_t>& arguments) = 0;
  virtual void train(const TrainLaunch& launch, const TrainArguments<std::int64_t>& arguments) = 0;
  virtual void settle(const SettleArguments<std::int32_t>& arguments) = 0;
  virtual void settle(const SettleArguments<std::int64_t>& arguments) = 0;
  /// Of the steps that the same arguments settle; `counts`: [networks].
  virtual void count_inactive(const SettleArguments<std::int32_t>& settled,
                              NetworkCounts* counts) = 0;
  virtual void count_inactive(const SettleArguments<std::int64_t>& settled,
                              NetworkCounts* counts) = 0;
  virtual void digest(const DigestArguments<std::int32_t>& arguments) = 0;
  virtual void digest(const DigestArguments<std::int64_t>& arguments) = 0;

  // Kernels: general/list_inputs_kernel.cuh, initial_weights_kernel.cuh, network_kernel.cuh and
  // network_totals_kernel.cuh.
  virtual void list_inputs(const ListArguments& arguments) = 0;
  virtual void draw_weights(const NetworkLaunch& launch, const NetworkArguments& arguments) = 0;
  virtual void train(const NetworkLaunch& launch, const NetworkArguments& arguments) = 0;
  virtual void total(const NetworkLaunch& launch, const NetworkArguments& arguments) = 0;

  // Kernels: batches/.
  virtual void run(const BatchLaunch& launch, const BatchArguments& arguments) = 0;
};

}  // namespace gridrun::cuda
