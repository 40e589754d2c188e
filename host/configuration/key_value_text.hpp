// Values of keys as texts: for people, tables and JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "gridrun/key_value.hpp"

namespace gridrun {

/// As a table shows it: 5, 0.25, true, stochastic, [784,30,10].
std::string text_of(const KeyValue& value);

nlohmann::ordered_json to_json(const KeyValue& value);

/// The value of which to_json() made this. Throws RequestError where there is none.
KeyValue key_value_of(const nlohmann::ordered_json& json);

}  // namespace gridrun
