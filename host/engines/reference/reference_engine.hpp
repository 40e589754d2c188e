// The reference engine: scalar, and word for word what docs/arithmetic.md defines. The oracle that
// the fast engines are checked against.
#pragma once

#include "gridrun/engine.hpp"

namespace gridrun {

class ReferenceEngine final : public Engine {
 public:
  /// Trains on up to `threads` threads, a network each.
  explicit ReferenceEngine(unsigned threads) : threads_(threads) {}

  std::string name() const override { return "reference"; }
  std::string device() const override;
  double memory_needed(const StagedSweep& sweep) const override;
  using Engine::train;
  void train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) override;

 private:
  unsigned threads_;
};

}  // namespace gridrun
