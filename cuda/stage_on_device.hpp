// Host: the staging half of a Device.
#pragma once

#include "device.hpp"

namespace gridrun::cuda {

/// Stages with Thrust, on whatever Thrust was compiled for.
class StagingDevice : public Device {
 public:
  double largest_input(const Samples& samples) override;
  double largest_input_sum(const Samples& samples) override;
  std::uint64_t count_nonzeros(const Samples& samples, int fraction) override;
  void stage_places(const Samples& samples, const std::uint32_t* labels, const ListPlan& plan,
                    std::uint64_t* positions, std::uint64_t* first, SampleTiles* places) override;
  void stage_entries(const Samples& samples, const ListPlan& plan, const std::uint64_t* positions,
                     const std::uint64_t* first, const SampleTiles* places, std::uint64_t tiles,
                     void* entries) override;
  void stage_weights(const std::int64_t* initial, std::uint32_t inputs, std::uint32_t rows,
                     int neurons, const Unit* units, std::uint64_t unit_count,
                     std::int32_t* weights) override;
  void stage_weights(const std::int64_t* initial, std::uint32_t inputs, std::uint32_t rows,
                     int neurons, const Unit* units, std::uint64_t unit_count,
                     std::int64_t* weights) override;
};

}  // namespace gridrun::cuda
