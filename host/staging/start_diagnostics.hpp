// What the diagnostics of networks count that needs no training. docs/arithmetic.md, 8.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "gridrun/diagnostics.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// The inputs of all steps, the ones of targets and biases, and the weights at the start: the same
/// for every engine, which adds what comes of the steps. Safe to share by threads.
class StartDiagnostics {
 public:
  /// The sweep, whose order and normals are there, outlives this.
  explicit StartDiagnostics(const StagedSweep& sweep);

  /// [layer], of one of the sweep's networks.
  std::vector<LayerDiagnostics> of(const NetworkSpec& spec) const;

 private:
  /// The least and the largest of some reals. Roundings do not change their order: words of both
  /// tell the bits of all, and where both fit, all do.
  struct Range {
    double least, largest;
  };

  Range input_range() const;
  TensorDiagnostics inputs_of(const Format& format) const;
  std::uint64_t overflowing_inputs(const Format& format) const;
  std::vector<std::uint64_t> count_bytes() const;
  std::uint32_t steps_on(std::size_t place) const;

  const StagedSweep& sweep_;
  const std::size_t samples_;         // trained on: the first ones of the order
  std::vector<Range> normals_;        // [layer]
  std::vector<std::size_t> weights_;  // [layer], where its normals begin, and where all end
  mutable std::mutex mutex_;          //
  mutable std::vector<std::pair<Format, TensorDiagnostics>> inputs_;  // of the formats met so far
  mutable std::vector<std::uint64_t> byte_counts_;                    // [byte], once needed
  const Range inputs_range_;
};

}  // namespace gridrun
