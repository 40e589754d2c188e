// A finished network, as the store holds it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gridrun/bits.hpp"
#include "gridrun/key_value.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun {

/// What a finished network leaves, as integers, beside its figures, which are reals made of those.
struct StoredNetwork {
  std::string identity;          // 32 hex digits: a hash of the resolved network and of the data
  std::vector<KeyValue> axes;    // one an axis of the store, of its kind
  std::vector<double> figures;   // one a figure of the store; NaN, kept as NULL, where it has none
  std::uint32_t steps = 0;       // trained
  std::uint64_t right = 0;       // of these steps
  std::uint32_t last_steps = 0;  // how many of the last steps `last_right` has
  Bits last_right;               // whether each of the last steps was right, in their order
  std::uint32_t held_out = 0;    // samples held out
  std::uint32_t held_out_right = 0;  // of these, right by the final weights
  std::vector<LayerSums> layers;
  std::uint64_t weights_digest = 0;  // of the final master weights
  Weights weights;                   // the final master weights, or empty
  std::string engine;                // that trained it,
  std::string device;                //   on this
  double seconds = 0;                // of its training
};

/// In the order of KeyValue's alternatives.
enum class ValueKind : std::uint8_t { integer, real, boolean, text, integers };

inline ValueKind kind_of(const KeyValue& value) { return static_cast<ValueKind>(value.index()); }

struct StoredAxis {
  std::string name;
  ValueKind kind = ValueKind::integer;  // of all its values

  friend bool operator==(const StoredAxis&, const StoredAxis&) = default;
};

/// What a store has beside the columns that every store has.
struct StoredColumns {
  std::vector<StoredAxis> axes;
  std::vector<std::string> figures;

  friend bool operator==(const StoredColumns&, const StoredColumns&) = default;
};

}  // namespace gridrun
