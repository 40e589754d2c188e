// Values of configuration keys, as JSON and as text.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "gridrun/key_value.hpp"

namespace gridrun {

nlohmann::json to_json(const KeyValue& value);

/// Throws RequestError where the JSON is none of these: an integer of 64 bits, a real, true or
/// false, a text, or a list of integers.
KeyValue from_json(const nlohmann::json& json);

/// As a table shows it: 7, 0.1, true, a text bare, [784,30,10]. A real is as short as reads back
/// the same.
std::string text_of(const KeyValue& value);

}  // namespace gridrun
