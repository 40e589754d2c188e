// The progress of a training, drawn on the terminal while it lasts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "gridrun/progress.hpp"

namespace gridrun {

/// The bar's line at `done` of `total` network-steps after `seconds`, of fewer than `width`
/// columns.
std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds,
                          std::size_t width);

/// Redraws the line on standard error, a terminal that understands escape codes, ten times a second
/// from construction to destruction, and wipes it at the end. Nothing is drawn where the system
/// grants no thread.
class ProgressBar {
 public:
  ProgressBar(const Progress& progress, std::uint64_t total);
  ~ProgressBar();

 private:
  std::jthread drawer_;
};

}  // namespace gridrun
