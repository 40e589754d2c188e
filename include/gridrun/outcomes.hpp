// Host and device: what an engine returns. Integers only, so that "the engines agree" means equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/arithmetic.hpp"

namespace gridrun {

/// The record of one network's training.
struct Outcome {
  std::vector<std::uint64_t> right;  // bit i % 64 of word i / 64: step i was right; rest zero
  WideSum sum_abs_update = 0;        // sum of |u| over steps, neurons and inputs
  WideSum sum_dropped = 0;           // sum of u - (u >> lr) * 2^lr over the same

  explicit Outcome(std::uint32_t iterations = 0) : right((iterations + 63ULL) / 64) {}

  void set_right(std::uint32_t step) { right[step / 64] |= std::uint64_t{1} << (step % 64); }
  bool was_right(std::uint32_t step) const { return (right[step / 64] >> (step % 64)) & 1; }

  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.right == b.right && a.sum_abs_update == b.sum_abs_update &&
           a.sum_dropped == b.sum_dropped;
  }
};

/// Bytes of the outcomes of so many networks.
inline double outcomes_bytes(std::size_t networks, std::uint32_t iterations) {
  const std::size_t words = (iterations + std::size_t{63}) / 64;
  return static_cast<double>(networks) *
         static_cast<double>(sizeof(Outcome) + words * sizeof(std::uint64_t));
}

/// One outcome a network, in the order of StagedSweep::networks.
using Outcomes = std::vector<Outcome>;

}  // namespace gridrun
