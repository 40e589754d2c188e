#include "configuration/key_value_text.hpp"

#include <nlohmann/json.hpp>

#include "gridrun/error.hpp"

namespace gridrun {

std::string text_of(const KeyValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return to_json(value).dump();
}

nlohmann::ordered_json to_json(const KeyValue& value) {
  return std::visit([](const auto& held) { return nlohmann::ordered_json(held); }, value);
}

KeyValue key_value_of(const nlohmann::ordered_json& json) {
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) throw RequestError("not a value of a key");
  std::vector<std::int64_t> list;
  for (const auto& element : json) {
    if (!element.is_number_integer()) throw RequestError("not a list of integers");
    list.push_back(element.get<std::int64_t>());
  }
  return list;
}

}  // namespace gridrun
