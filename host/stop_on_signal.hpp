// Ctrl-C stops a run cleanly.
#pragma once

#include <csignal>

#include "gridrun/progress.hpp"

namespace gridrun {

/// While it lives, the first SIGINT or SIGTERM stops `progress`; a second one ends the program.
/// One at a time.
class StopOnSignal {
 public:
  explicit StopOnSignal(Progress& progress);
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  struct sigaction interrupt_before_ {};
  struct sigaction terminate_before_ {};
};

}  // namespace gridrun
