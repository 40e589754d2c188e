// The engine for processors: SIMD lanes are networks, threads take neurons. Same outcomes as the
// reference engine, to the bit.
#pragma once

#include "engines/cpu/neuron.hpp"
#include "gridrun/engine.hpp"

namespace gridrun {

class CpuEngine final : public Engine {
 public:
  /// Trains on up to `threads` threads.
  explicit CpuEngine(unsigned threads) : threads_(threads) {}

  std::string name() const override { return "cpu"; }
  std::string device() const override;
  std::string why_not(const NetworkSpec& spec) const override;
  double memory_needed(const StagedSweep& sweep) const override;
  Outcomes train(const StagedSweep& sweep, Progress& progress) override;

  /// What happened in the last training.
  const TrainingStatistics& statistics() const { return statistics_; }

 private:
  unsigned threads_;
  TrainingStatistics statistics_;
};

}  // namespace gridrun
