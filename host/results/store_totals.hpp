// Sums over all networks of a store, which show that none is missing and none came by itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gridrun {

/// Sums are modulo 2^64: networks come and go in any order.
struct StoreTotals {
  std::uint64_t networks = 0;
  std::uint64_t held = 0;       // hashes of what held() says of each
  std::uint64_t checksums = 0;  // of whole rows

  /// Those of one network.
  static StoreTotals of(std::string_view identity, std::int64_t last_steps, bool has_weights,
                        std::int64_t checksum);

  StoreTotals& operator+=(const StoreTotals& other);
  StoreTotals& operator-=(const StoreTotals& other);

  /// As a note keeps them.
  std::string text() const;
  /// Throws std::exception where the text is none of text().
  static StoreTotals of_text(const std::string& text);

  friend bool operator==(const StoreTotals&, const StoreTotals&) = default;
};

}  // namespace gridrun
