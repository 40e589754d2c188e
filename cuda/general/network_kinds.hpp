// Host: what networks have to have in common to be trained by one launch.
#pragma once

#include <cstdint>
#include <vector>

#include "batches/batch_plan.hpp"
#include "general/network_plan.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun::cuda {

struct NetworkKind {
  std::uint32_t batch;   // samples an update
  std::size_t word;      // bytes of a weight
  bool plain;            // network_plan.hpp; of batches of 1
  std::uint32_t planes;  // factor_bytes() of batch_plan.hpp; of other batches

  friend auto operator<=>(const NetworkKind&, const NetworkKind&) = default;
};

NetworkKind kind_of(const NetworkSpec& spec, bool diagnose);

/// Where so many networks of a kind have their parts, and how they are trained.
NetworkLayout lay_out(const std::vector<std::uint32_t>& units, const NetworkKind& kind,
                      bool diagnose, const DeviceLimits& limits, std::size_t networks);

/// The different formats of inputs of some networks.
class InputFormats {
 public:
  /// Which one a network's is.
  std::uint32_t add(const NetworkSpec& spec);

  const std::vector<InputFormat>& all() const { return all_; }

  /// What stored bytes are in each of them, [formats][256].
  std::vector<std::int64_t> byte_words(double scale) const;

 private:
  std::vector<InputFormat> all_;
};

}  // namespace gridrun::cuda
