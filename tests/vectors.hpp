// Values computed by NumPy and SciPy: tests/oracle/vectors.json, made by
// tests/oracle/make_vectors.py.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace gridrun {

/// One section of the vectors: "random_state", "initial_weights", "savitzky_golay", ...
inline nlohmann::json vectors(const std::string& section) {
  std::ifstream file(GRIDRUN_TESTS "/oracle/vectors.json");
  return nlohmann::json::parse(file).at(section);
}

/// Integers that may pass 2^53 are kept as decimal texts.
inline std::int64_t integer(const nlohmann::json& text) {
  return std::stoll(text.get<std::string>());
}

}  // namespace gridrun
