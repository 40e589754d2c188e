// Host and device: an engine trains every network of a staged sweep.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "gridrun/outcomes.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// Takes over the outcome of one network, by its index in StagedSweep::networks.
using TakeOutcome = std::function<void(std::size_t network, Outcome outcome)>;

class Engine {
 public:
  virtual ~Engine() = default;

  /// reference | cpu | cuda
  virtual std::string name() const = 0;

  /// What it runs on, for people: "2 threads", "NVIDIA H100 (GPU 0)".
  virtual std::string device() const = 0;

  /// Why it cannot train such a network, for people: "the GPU trains ... only"; empty if it can.
  virtual std::string why_not(const NetworkSpec&) const { return {}; }

  /// Bytes of memory, a device's not counted, that `train` holds at once at most beside the sweep.
  /// Outcomes count until they are taken: those of the networks in work; where held-out samples are
  /// judged by final weights, those of all networks. The sweep's order and normals need not be
  /// there yet.
  virtual double memory_needed(const StagedSweep& sweep) const = 0;

  /// Trains all networks, of which why_not() has nothing to say; outcomes are the same bytes
  /// whichever engine. Adds each finished network-step to `progress`, and throws Interrupted soon
  /// after it is stopped.
  ///
  /// Calls `take` once for every network as soon as its outcome is final, in any order, from any
  /// thread, and from several at once. The first exception of `take` ends the training: no network
  /// is begun any more, `progress` may be stopped so that other threads end soon, and it leaves
  /// train() once they have. Until then they may still call `take`.
  virtual void train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) = 0;

  /// The same, and returns what there was to take: memory_needed() does not count it.
  Outcomes train(const StagedSweep& sweep, Progress& progress);
};

}  // namespace gridrun
