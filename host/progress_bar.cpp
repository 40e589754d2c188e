#include "progress_bar.hpp"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace gridrun {

std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds) {
  constexpr std::size_t bar = 40;
  const double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
  const auto filled = static_cast<std::size_t>(share * bar);
  std::string line = fmt::format("training [{}{}] {:3.0f} %", std::string(filled, '#'),
                                 std::string(bar - filled, '.'), 100 * share);
  if (share > 0.02) line += fmt::format(", {:.0f} s left", seconds * (1 - share) / share);
  return line;
}

ProgressBar::ProgressBar(const Progress& progress, std::uint64_t total)
    : drawer_([&progress, total](const std::stop_token& stopped) {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        std::mutex mutex;
        std::condition_variable_any wakened;
        std::unique_lock lock(mutex);
        while (!wakened.wait_for(lock, stopped, std::chrono::milliseconds(100),
                                 [&] { return stopped.stop_requested(); })) {
          const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
          fmt::print(stderr, "\r{}\x1b[K", progress_line(progress.done(), total, seconds));
          std::fflush(stderr);
        }
        fmt::print(stderr, "\r\x1b[K");
        std::fflush(stderr);
      }) {}

ProgressBar::~ProgressBar() = default;

}  // namespace gridrun
