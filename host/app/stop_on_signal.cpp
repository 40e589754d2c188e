#include "app/stop_on_signal.hpp"

#include <atomic>
#include <csignal>

namespace gridrun {
namespace {

std::atomic<Progress*> to_stop = nullptr;
static_assert(std::atomic<Progress*>::is_always_lock_free);

std::atomic<int> signal_that_came = 0;

constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

/// Sets what a signal does where it is not ignored.
void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  if (action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

void stop(int came) {
  for (const int signal : signals) handle(signal, SIG_DFL);
  signal_that_came = came;
  if (Progress* progress = to_stop) progress->stop();
}

}  // namespace

StopOnSignal::StopOnSignal(Progress& progress) {
  signal_that_came = 0;
  to_stop = &progress;
  for (const int signal : signals) handle(signal, stop);
}

StopOnSignal::~StopOnSignal() {
  for (const int signal : signals) handle(signal, SIG_DFL);
  to_stop = nullptr;
}

int StopOnSignal::signal() const { return signal_that_came; }

}  // namespace gridrun
