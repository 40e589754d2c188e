// A finished network, as the store holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/bits.hpp"
#include "gridrun/key_value.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun {

/// What a finished network leaves, as integers, beside its figures, which are reals made of those.
struct StoredNetwork {
  std::string identity;  // 32 hex digits: a hash of the resolved network and of the data
  std::vector<std::optional<KeyValue>> axes;  // one an axis of the store, of its kind; none, kept
                                              // as NULL, where the network does not depend on it
  std::vector<double> figures;   // one a figure of the store; NaN, kept as NULL, where it has none
  std::uint32_t steps = 0;       // trained
  std::uint64_t right = 0;       // of these steps
  std::uint32_t last_steps = 0;  // how many of the last steps `last_right` has
  Bits last_right;               // whether each of the last steps was right, in their order
  std::uint32_t held_out = 0;    // samples held out
  std::uint32_t held_out_right = 0;  // of these, right by the final weights
  std::vector<LayerSums> layers;
  std::vector<LayerDiagnostics> diagnostics;  // [layers], or empty
  std::uint64_t weights_digest = 0;           // of the final master weights
  Weights weights;                            // the final master weights, or empty
  std::string engine;                         // that trained it,
  std::string device;                         //   on this
  double seconds = 0;                         // of its training
};

/// What there is of a network, without reading it whole.
struct HeldNetwork {
  std::string identity;
  std::uint32_t last_steps = 0;
  bool has_weights = false;
  bool has_diagnostics = false;
};

}  // namespace gridrun
