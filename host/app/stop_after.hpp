// A time after which a run stops.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "gridrun/progress.hpp"

namespace gridrun {

/// While it lives, stops `progress` so many seconds after its construction, by a clock that nobody
/// sets.
class StopAfter {
 public:
  StopAfter(Progress& progress, std::optional<double> seconds);

  /// Whether it did.
  bool stopped() const { return stopped_; }

 private:
  std::atomic<bool> stopped_ = false;
  std::jthread waiter_;
};

}  // namespace gridrun
