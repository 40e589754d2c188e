// Configurations with overrides: a sweep that prints itself as a configuration of the same sweep,
// or one clear error. The input is the TOML text and then the overrides, a zero byte before each.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configuration/cells.hpp"
#include "configuration/configuration.hpp"
#include "fuzz.hpp"

namespace gridrun {
namespace {

/// What of a configuration is printed and read again; more takes seconds.
constexpr std::size_t most_printed_values = 10'000;
/// Cells that are resolved, spread over the grid.
constexpr std::size_t most_resolved = 1000;

/// JSON's value as TOML, which has the same ones but no raw DEL.
std::string value_as_toml(const nlohmann::ordered_json& value) {
  std::string text;
  for (const char c : value.dump()) text += c == '\x7f' ? "\\u007f" : std::string(1, c);
  return text;
}

/// A configuration as TOML, which has no empty layers.
std::string as_toml(const nlohmann::ordered_json& configuration) {
  std::string text;
  for (const auto& [table, keys] : configuration.items()) {
    text += fmt::format("[{}]\n", table);
    for (const auto& [key, value] : keys.items())
      if (value.is_object())
        for (const auto& [part, inner] : value.items())
          text += fmt::format("{}.{} = {}\n", key, part, value_as_toml(inner));
      else if (value != nlohmann::ordered_json::array())
        text += fmt::format("\"{}\" = {}\n", key, value_as_toml(value));
  }
  return text;
}

void check_printed(const Sweep& sweep) {
  const nlohmann::ordered_json json = to_json(sweep);
  require(nlohmann::ordered_json::parse(json.dump()) == json, "run.json reads back the same");
  const Sweep again = parse_configuration(as_toml(json), "printed.toml");
  require(to_json(again) == json, "a configuration printed and read again is the same");
  const Sweep recorded = sweep_of_json(json, "run.json");
  require(to_json(recorded) == json, "a recorded configuration is the same");
  require(is_same_study(json, to_json(recorded)), "a sweep is of its own study");
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
  std::size_t values = 0;
  for (const Axis& axis : sweep->axes) values += axis.values.size();
  if (values <= most_printed_values) check_printed(*sweep);
  Cells cells(*sweep);
  require(cells.size() <= 20'000'000, "no more networks than can be planned");
  const std::size_t step = cells.size() / most_resolved + 1;
  for (std::size_t cell = 0; cell < cells.size(); cell += step) {
    const auto network = accepted([&] { return network_of(cells.sweep_at(cell), {1, 1}); });
    require(network || cells.size() > 1'000'000, "no cell of a grid that was taken is refused");
  }
  return 0;
}
