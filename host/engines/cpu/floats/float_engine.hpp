// The processor beside engines that cannot train networks of binary64.
#pragma once

#include "gridrun/engine.hpp"

namespace gridrun {

/// Trains networks of binary64, as CpuEngine does, and leaves all others alone.
class FloatEngine final : public Engine {
 public:
  /// Trains on up to `threads` threads.
  explicit FloatEngine(unsigned threads) : threads_(threads) {}

  std::string name() const override { return "cpu"; }
  std::string device() const override;
  std::string why_not(const NetworkSpec& spec) const override;
  double memory_needed(const StagedSweep& sweep) const override;
  using Engine::train;
  void train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) override;

 private:
  unsigned threads_;
};

}  // namespace gridrun
