#include "configuration/key_value_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

bool is_integer(const nlohmann::json& json) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return json.is_number_integer() &&
         !(json.is_number_unsigned() && json.get<std::uint64_t>() > most);
}

}  // namespace

nlohmann::json to_json(const KeyValue& value) {
  return std::visit([](const auto& held) { return nlohmann::json(held); }, value);
}

KeyValue from_json(const nlohmann::json& json) {
  if (is_integer(json)) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array() && std::all_of(json.begin(), json.end(), is_integer))
    return json.get<std::vector<std::int64_t>>();
  const auto as_it_is = nlohmann::json::error_handler_t::replace;
  throw RequestError(fmt::format(
      "{} is no value of a key; expected an integer of 64 bits, a real, true, false, a text or a "
      "list of integers",
      excerpt(json.dump(-1, ' ', false, as_it_is))));
}

std::string text_of(const KeyValue& value) {
  return std::visit(
      [](const auto& held) {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::vector<std::int64_t>>)
          return nlohmann::json(held).dump();
        else
          return fmt::format("{}", held);
      },
      value);
}

}  // namespace gridrun
