// Host: the launches that pass samples through networks in batches.
#pragma once

#include <cstdint>
#include <vector>

#include "batches/batch_plan.hpp"
#include "device_buffer.hpp"
#include "general/network_plan.hpp"
#include "general/step_samples.hpp"
#include "gridrun/progress.hpp"

namespace gridrun::cuda {

class BatchPasses {
 public:
  /// For networks whose weights are laid out so and which have one batch and one kind of words;
  /// `launch` tells these. `formats`: those of inputs; `copies`: whether any network's products use
  /// weights in a format of their own; `launch_blocks`: blocks of a launch at most.
  BatchPasses(Device& device, const NetworkPlaces& places, const NetworkLaunch& launch,
              const std::vector<InputFormat>& formats, double scale, std::uint32_t networks,
              std::size_t held_out, bool copies, std::uint32_t launch_blocks,
              const Progress& progress);

  /// Before the first pass, with the weights at the start.
  void begin(const NetworkArguments& all);

  /// Launches the passes of `all.step_count` steps, which begin with a batch, or of held-out
  /// samples; they have ended when the device has. Throws Interrupted.
  void run(const NetworkArguments& all, const StoredSamples& samples);

  /// [networks][layers] Steps up to the last one in which any unit of a layer was active, where
  /// these are counted.
  std::vector<std::uint64_t> last_active() const { return last_active_.download(); }

  /// Steps of a run at most, whole batches: for as many there is room for inputs in all formats.
  static std::uint32_t most_steps(const NetworkPlaces& places, std::size_t formats,
                                  std::uint32_t batch);
  std::uint32_t most_steps() const { return most_steps(places_, formats_.size(), batch_); }

  /// Bytes of device memory of each network, of its weights in a format of their own, and of so
  /// many steps in all formats of inputs.
  static std::uint64_t network_bytes(const NetworkPlaces& places, std::uint32_t batch,
                                     std::size_t held_out);
  static std::uint64_t copy_bytes(const NetworkPlaces& places);
  static std::uint64_t input_bytes(const NetworkPlaces& places, std::size_t formats,
                                   std::uint64_t steps);

 private:
  void launch(BatchPart part, std::uint32_t layer = 0);

  Device& device_;
  const NetworkPlaces& places_;
  const std::uint32_t batch_, samples_at_once_, launch_blocks_;
  const BatchPlaces batch_places_;
  const DeviceBuffer<BatchPlace> place_list_;
  const DeviceBuffer<InputFormat> formats_;
  // Values and weights, counted in words of 64 bits.
  DeviceBuffer<std::int64_t> inputs_, values_, copies_;
  DeviceBuffer<std::uint64_t> last_active_;
  const Progress& progress_;
  std::uint64_t pending_products_ = 0;  // that the device was given
  BatchLaunch launch_;
  BatchArguments arguments_{};
};

}  // namespace gridrun::cuda
