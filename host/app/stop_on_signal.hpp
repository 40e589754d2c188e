// Ctrl-C, a request to stop and a terminal that hangs up stop a run cleanly.
#pragma once

#include "gridrun/progress.hpp"

namespace gridrun {

/// While it lives, the first SIGINT, SIGTERM, SIGHUP or SIGUSR1 stops `progress`; a second one ends
/// the program at once. A signal that is ignored, as by nohup, stays ignored. One at a time.
class StopOnSignal {
 public:
  explicit StopOnSignal(Progress& progress);
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  /// The signal that came; 0: none.
  int signal() const;
};

}  // namespace gridrun
