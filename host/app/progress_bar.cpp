#include "app/progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <system_error>

#include "app/standard_streams.hpp"
#include "app/terminal.hpp"

namespace gridrun {

std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds,
                          std::size_t width) {
  constexpr std::size_t longest_bar = 40;
  // Steps of networks that a device failed on count again when another one trains them.
  const double share =
      total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const std::string before = "training [";
  std::string after = fmt::format("] {:3.0f} %", 100 * share);
  if (share > 0.02) after += fmt::format(", {:.0f} s left", seconds * (1 - share) / share);
  // A terminal may start a new line once its last column is filled.
  const std::size_t fit = width > 0 ? width - 1 : 0;
  const std::size_t around = before.size() + after.size();
  const std::size_t bar = std::min(longest_bar, fit > around ? fit - around : 0);
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar));
  return (before + std::string(filled, '#') + std::string(bar - filled, '.') + after)
      .substr(0, fit);
}

ProgressBar::ProgressBar(const Progress& progress, std::uint64_t total) {
  const auto draw = [&progress, total](const std::stop_token& stopped) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    std::mutex mutex;
    std::condition_variable_any wakened;
    std::unique_lock lock(mutex);
    while (!wakened.wait_for(lock, stopped, std::chrono::milliseconds(100),
                             [&] { return stopped.stop_requested(); })) {
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      print_error(fmt::format(
          "\r{}\x1b[K", progress_line(progress.done(), total, seconds, terminal_width(stderr))));
    }
    print_error("\r\x1b[K");
  };
  try {
    drawer_ = std::jthread(draw);
  } catch (const std::system_error&) {
    // The system grants no thread: a run does without the bar.
  }
}

ProgressBar::~ProgressBar() = default;

}  // namespace gridrun
