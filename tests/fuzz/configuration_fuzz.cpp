// Configurations with overrides: a sweep that prints itself as a configuration of the same sweep,
// or one clear error. The input is the TOML text and then the overrides, a zero byte before each.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configuration/configuration.hpp"
#include "fuzz.hpp"

namespace gridrun {
namespace {

/// A configuration as TOML, which has JSON's values but no raw DEL, and no empty layers.
std::string as_toml(const nlohmann::ordered_json& configuration) {
  std::string text;
  for (const auto& [table, keys] : configuration.items()) {
    text += fmt::format("[{}]\n", table);
    for (const auto& [key, value] : keys.items()) {
      if (value == nlohmann::ordered_json::array()) continue;
      text += key + " = ";
      for (const char c : value.dump()) text += c == '\x7f' ? "\\u007f" : std::string(1, c);
      text += '\n';
    }
  }
  return text;
}

}  // namespace
}  // namespace gridrun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < size; ++i)
    if (data[i] == 0)
      parts.emplace_back();
    else
      parts.back() += static_cast<char>(data[i]);
  const std::string text = parts.front();
  parts.erase(parts.begin());

  const auto sweep = accepted([&] { return parse_configuration(text, "sweep.toml", parts); });
  if (!sweep) return 0;
  const nlohmann::ordered_json json = to_json(*sweep);
  require(nlohmann::ordered_json::parse(json.dump()) == json, "run.json reads back the same");
  const Sweep again = parse_configuration(as_toml(json), "printed.toml");
  require(to_json(again) == json, "a configuration printed and read again is the same");
  require(networks_of(*sweep, {1, 1}).size() <= std::size_t{max_lr + 1} * (max_fraction + 1),
          "no more networks than shifts");
  return 0;
}
