// Host: what training reads of a study, in device memory: its data set and the sparse lists of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>

#include "device_buffer.hpp"
#include "gridrun/study_sweep.hpp"
#include "train_plan.hpp"

namespace gridrun::cuda {

/// The sweep's data in device memory for the time of one training.
class StagedData {
 public:
  StagedData(Device& device, const StudySweep& sweep);

  const Samples& samples() const { return view_; }
  const std::uint32_t* labels() const { return labels_.data(); }
  const std::int64_t* weights() const { return weights_.data(); }
  const Magnitudes& largest() const { return largest_; }

  /// How many inputs are not zero at a fraction.
  std::uint64_t nonzeros(int fraction);

 private:
  std::uint32_t samples_;               // that the steps visit
  DeviceBuffer<std::uint32_t> order_;   // [samples], indices of stored samples
  DeviceBuffer<std::uint32_t> labels_;  // [samples], in the order of the steps
  DeviceBuffer<std::int64_t> weights_;  // [outputs][inputs], units of the last place
  DeviceBuffer<std::uint8_t> bytes_;    // [stored samples][inputs], or
  DeviceBuffer<double> reals_;          // the same in reals
  Device& device_;
  Samples view_{};
  Magnitudes largest_;
  std::map<int, std::uint64_t> nonzeros_;  // by fraction
};

/// The sparse list of one fraction.
template <typename Word>
class StagedList {
 public:
  StagedList(Device& device, StagedData& data, int fraction, Activation activation, Shape shape)
      : places_(device, data.samples().samples + std::size_t{places_ahead}) {
    const Samples& samples = data.samples();
    ListPlan plan{fraction, shape, sizeof(Word), 0};
    view_ = {places_.data(), nullptr, std::int64_t{1} << fraction, fraction, {}};
    if (sizeof(Word) == sizeof(std::int32_t)) {
      const Magnitudes& largest = data.largest();
      plan.headroom = narrow_headroom(fraction, largest);
      view_.narrow = {
          plan.headroom, narrow_weight_bound(fraction, largest),
          static_cast<std::uint32_t>(narrow_delta_limit(fraction, largest)),
          activation == Activation::relu ? 1 : std::numeric_limits<std::int32_t>::min()};
    }
    const std::uint64_t nonzeros = data.nonzeros(fraction);
    const DeviceBuffer<std::uint64_t> positions(device, nonzeros);  // of the non-zero inputs
    const DeviceBuffer<std::uint64_t> first(device, samples.samples + std::size_t{1});
    device.stage_places(samples, data.labels(), plan, positions.data(), first.data(),
                        places_.data());
    SampleTiles last{};
    device.download(&last, places_.data() + samples.samples - 1, sizeof(last));
    const std::uint64_t tiles = std::uint64_t{last.begin} + last.tiles;
    entries_ = DeviceBuffer<LaneEntries<Word>>(device, tiles * plan.lanes());
    device.stage_entries(samples, plan, positions.data(), first.data(), places_.data(), tiles,
                         entries_.data());
    device.wait();  // the scratch buffers go
    view_.entries = entries_.data();
  }

  const SampleList<Word>& view() const { return view_; }

  /// Device memory that staging takes at most, scratch included.
  static std::uint64_t bytes(StagedData& data, int fraction, Shape shape) {
    const std::uint64_t samples = data.samples().samples;
    const std::uint64_t nonzeros = data.nonzeros(fraction);
    return most_tiles(data, fraction, shape) * tile_bytes<Word>(shape.lanes) +
           (samples + places_ahead) * sizeof(SampleTiles) +
           (nonzeros + samples) * sizeof(std::uint64_t);
  }

  static std::uint64_t most_tiles(StagedData& data, int fraction, Shape shape) {
    return data.nonzeros(fraction) / static_cast<std::uint64_t>(shape.lanes * entries_of_lane) +
           std::uint64_t{data.samples().samples} * (held_tiles + 1);
  }

 private:
  DeviceBuffer<SampleTiles> places_;         // [samples + places_ahead]
  DeviceBuffer<LaneEntries<Word>> entries_;  // [tiles][lanes]
  SampleList<Word> view_{};
};

}  // namespace gridrun::cuda
