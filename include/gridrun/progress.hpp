// Host and device: how far a training is, and whether it should stop. Safe to share by threads
// and signal handlers.
#pragma once

#include <atomic>
#include <cstdint>

#include "gridrun/error.hpp"

namespace gridrun {

/// Thrown by an engine whose progress was stopped.
struct Interrupted : RunError {
  Interrupted() : RunError("interrupted") {}
};

class Progress {
 public:
  /// One network advanced by `steps`.
  void add(std::uint64_t steps) noexcept { done_.fetch_add(steps, std::memory_order_relaxed); }

  /// Network-steps finished so far.
  std::uint64_t done() const noexcept { return done_.load(std::memory_order_relaxed); }

  void stop() noexcept { stopped_.store(true, std::memory_order_relaxed); }
  bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }

  void throw_if_stopped() const {
    if (stopped()) throw Interrupted();
  }

 private:
  std::atomic<std::uint64_t> done_ = 0;
  // Looked at far more often than done_ is written, and so not in its cache line.
  alignas(64) std::atomic<bool> stopped_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace gridrun
