// Host: the samples of some successive steps on their way to the device.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "device_buffer.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun::cuda {

/// Samples in device memory.
struct StoredSamples {
  const void* values;           // [count][inputs] as the data set stores them
  bool bytes;                   // or else binary64
  const std::uint32_t* labels;  // [count]
  std::uint32_t count;
};

class StepSamples {
 public:
  explicit StepSamples(const Dataset& dataset) : dataset_(dataset) {}

  /// Reads the samples of steps `first` to first + count - 1, which go through `order` again and
  /// again.
  void read(const std::vector<std::uint32_t>& order, std::uint32_t first, std::uint32_t count);

  /// What was read last, until it is called again.
  StoredSamples upload(Device& device);

  /// The same without its zeros.
  StepInputs list(Device& device);

  /// Steps of which no list has more values than a launch should.
  static std::uint32_t most_steps(const StagedSweep& sweep);

  /// Bytes that a list of so many steps takes on the device.
  static std::uint64_t bytes(const StagedSweep& sweep, std::uint64_t steps);

  /// Bytes of as many as they are stored, there and here.
  static std::uint64_t stored_bytes(const StagedSweep& sweep, std::uint64_t steps);

 private:
  const Dataset& dataset_;
  std::vector<std::uint32_t> labels_;
  std::pair<std::vector<std::uint8_t>, std::vector<double>> rows_;  // of the samples, as stored
  DeviceBuffer<std::uint32_t> counts_, index_, device_labels_;
  DeviceBuffer<std::uint8_t> stored_bytes_, bytes_;
  DeviceBuffer<double> stored_reals_, reals_;
};

}  // namespace gridrun::cuda
