#include "app/stop_after.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace gridrun {

StopAfter::StopAfter(Progress& progress, std::optional<double> seconds) {
  if (!seconds) return;
  waiter_ = std::jthread([this, &progress, seconds](const std::stop_token& ended) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(*seconds));
    std::mutex mutex;
    std::condition_variable_any wakened;
    std::unique_lock lock(mutex);
    if (wakened.wait_until(lock, ended, end, [&] { return ended.stop_requested(); })) return;
    stopped_ = true;
    progress.stop();
  });
}

}  // namespace gridrun
