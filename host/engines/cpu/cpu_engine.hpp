// The engine for processors. For the study's arithmetic SIMD lanes are networks, and threads take
// neurons; for any other, binary64 as well, lanes are units, and threads take networks. Same
// outcomes as the reference engine, to the bit.
#pragma once

#include "engines/cpu/general/general_statistics.hpp"
#include "engines/cpu/neuron.hpp"
#include "gridrun/engine.hpp"

namespace gridrun {

class CpuEngine final : public Engine {
 public:
  /// Trains on up to `threads` threads.
  explicit CpuEngine(unsigned threads) : threads_(threads) {}

  std::string name() const override { return "cpu"; }
  std::string device() const override;
  double memory_needed(const StagedSweep& sweep) const override;
  using Engine::train;
  void train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) override;

  /// What happened in the last training, of the study's arithmetic or of any other.
  const TrainingStatistics& statistics() const { return statistics_; }
  const GeneralStatistics& general_statistics() const { return general_statistics_; }

 private:
  unsigned threads_;
  TrainingStatistics statistics_;
  GeneralStatistics general_statistics_;
};

}  // namespace gridrun
