// Host and device: an engine trains every network of a staged sweep.
#pragma once

#include <string>

#include "gridrun/outcomes.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

class Engine {
 public:
  virtual ~Engine() = default;

  /// reference | cpu | cuda
  virtual std::string name() const = 0;

  /// What it runs on, for people: "2 threads", "NVIDIA H100 (GPU 0)".
  virtual std::string device() const = 0;

  /// Why it cannot train such a network, for people: "the GPU trains ... only"; empty if it can.
  virtual std::string why_not(const NetworkSpec&) const { return {}; }

  /// Bytes of memory, a device's not counted, that `train` holds at once at most beside the sweep;
  /// its outcomes are included. The sweep's order and normals need not be there yet.
  virtual double memory_needed(const StagedSweep& sweep) const = 0;

  /// Trains all networks, of which why_not() has nothing to say; the outcomes are the same bytes
  /// whichever engine returns them. Adds each finished network-step to `progress`, and throws
  /// Interrupted soon after it is stopped.
  virtual Outcomes train(const StagedSweep& sweep, Progress& progress) = 0;
};

}  // namespace gridrun
