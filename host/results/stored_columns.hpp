// What tells one store from another: the axes and figures that its networks have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gridrun/key_value.hpp"

namespace gridrun {

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

/// As a note keeps them, in JSON.
std::string text_of(const StoredColumns& columns);
/// Throws std::exception where the text is none of text_of().
StoredColumns stored_columns_of(const std::string& text);

}  // namespace gridrun
