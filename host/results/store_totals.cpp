#include "results/store_totals.hpp"

#include <nlohmann/json.hpp>

#include "results/network_row.hpp"

namespace gridrun {

StoreTotals StoreTotals::of(std::string_view identity, std::int64_t last_steps, bool has_weights,
                            std::int64_t checksum) {
  const std::uint64_t seed = 2 * static_cast<std::uint64_t>(last_steps) + has_weights;
  return {1, checksum_of_text(identity, seed), static_cast<std::uint64_t>(checksum)};
}

StoreTotals& StoreTotals::operator+=(const StoreTotals& other) {
  networks += other.networks;
  held += other.held;
  checksums += other.checksums;
  return *this;
}

StoreTotals& StoreTotals::operator-=(const StoreTotals& other) {
  networks -= other.networks;
  held -= other.held;
  checksums -= other.checksums;
  return *this;
}

std::string StoreTotals::text() const {
  return nlohmann::json{{"networks", networks}, {"held", held}, {"checksums", checksums}}.dump();
}

StoreTotals StoreTotals::of_text(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {json.at("networks"), json.at("held"), json.at("checksums")};
}

}  // namespace gridrun
