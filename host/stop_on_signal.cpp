#include "stop_on_signal.hpp"

#include <atomic>

namespace gridrun {
namespace {

std::atomic<Progress*> to_stop = nullptr;
static_assert(std::atomic<Progress*>::is_always_lock_free);

void stop(int) {
  if (Progress* progress = to_stop) progress->stop();
}

}  // namespace

StopOnSignal::StopOnSignal(Progress& progress) {
  to_stop = &progress;
  struct sigaction action {};
  action.sa_handler = stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &interrupt_before_);
  ::sigaction(SIGTERM, &action, &terminate_before_);
}

StopOnSignal::~StopOnSignal() {
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
  to_stop = nullptr;
}

}  // namespace gridrun
