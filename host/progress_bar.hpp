// The progress of a training, drawn on the terminal while it lasts.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "gridrun/progress.hpp"

namespace gridrun {

/// The bar's line at `done` of `total` network-steps after `seconds`.
std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds);

/// Redraws the line on standard error ten times a second from construction to destruction, and
/// wipes it at the end.
class ProgressBar {
 public:
  ProgressBar(const Progress& progress, std::uint64_t total);
  ~ProgressBar();

 private:
  std::jthread drawer_;
};

}  // namespace gridrun
