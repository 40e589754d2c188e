// Host: trains a sweep on a Device, in as many batches of networks as its memory asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "device.hpp"
#include "gridrun/engine.hpp"
#include "gridrun/study_sweep.hpp"

namespace gridrun::cuda {

/// What a benchmark or a test decides in the engine's place.
struct Tuning {
  std::optional<Shape> narrow_shape;
  std::optional<Shape> wide_shape;
  std::optional<DeviceLimits> limits;        // to plan for; not above the device's
  std::uint32_t slice_steps = 0;             // steps of one launch at most; 0: the engine's choice
  std::uint32_t launch_blocks = ~0U;         // of the launches that train in batches, at most
  std::uint64_t memory = ~std::uint64_t{0};  // bytes to use at most beside the data set
  std::uint32_t right_words = 1 << 20;       // 32-bit words of right/wrong bits to download at once
};

class BatchedEngine final : public Engine {
 public:
  explicit BatchedEngine(std::unique_ptr<Device> device, Tuning tuning = {});

  std::string name() const override { return "cuda"; }
  std::string device() const override { return device_->description(); }
  double memory_needed(const StagedSweep& sweep) const override;
  using Engine::train;
  void train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) override;
  std::string why_not(const NetworkSpec& spec) const override;

  /// How the last training went.
  struct Record {
    std::uint64_t narrow = 0;    // networks begun in 32-bit words
    std::uint64_t outgrown = 0;  // of these, trained again in 64-bit words
    std::uint64_t wide = 0;      // networks begun in 64-bit words
    std::uint64_t global = 0;    // of these all, trained with weights in global memory
    std::uint64_t general = 0;   // networks of other arithmetic than the study's
    std::uint64_t batches = 0;
    std::uint64_t launches = 0;
    double kernel_seconds = 0;  // the device's, of training, settling and digesting
  };
  const Record& record() const { return record_; }

 private:
  void train_study(const StudySweep& sweep, Progress& progress, const TakeOutcome& take);

  std::unique_ptr<Device> device_;
  Tuning tuning_;
  Record record_;
};

}  // namespace gridrun::cuda
