#include "configuration/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>

#include "base/input_file.hpp"
#include "base/message_text.hpp"
#include "base/shipped_files.hpp"
#include "configuration/axes.hpp"
#include "configuration/cells.hpp"
#include "configuration/given_values.hpp"
#include "configuration/key_value_json.hpp"
#include "configuration/keys.hpp"
#include "configuration/toml_depth.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_syntax(const toml::parse_error& error, const std::string& place) {
  constexpr std::size_t longest = 200;  // it may quote a key
  throw RequestError(fmt::format("{}: {}", place, excerpt(error.description(), longest)));
}

/// Refuses what toml++ would not survive. `place_of` says where a line is.
template <typename PlaceOf>
void refuse_deep_keys(std::string_view text, PlaceOf&& place_of) {
  constexpr std::size_t most_parts = 16;
  if (const auto line = line_of_deep_key(text, most_parts))
    throw RequestError(fmt::format("{}: a key of more than {} parts", place_of(*line), most_parts));
}

/// Where an override's keys are, for messages.
std::string override_place(const std::string& text) { return "--set " + excerpt(text); }

/// The right-hand side as TOML has it, else as a bare word: `dataset.name=csv` needs no quotes.
toml::table parse_override(const std::string& text) {
  const std::string source = override_place(text);
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw RequestError(fmt::format("{}: expected KEY=VALUE", source));
  const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
  const bool may_be_word = !value.empty() && value.find_first_of("'\"\n[{") == std::string::npos;
  refuse_deep_keys(may_be_word ? key : text, [&](std::size_t) { return source; });
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    if (!may_be_word) fail_syntax(error, source);
    try {
      return toml::parse(fmt::format("{} = '{}'", key, value), source);
    } catch (const toml::parse_error& key_error) {
      fail_syntax(key_error, source);
    }
  }
}

/// Lays `over` upon `base`: tables are merged key by key, all else is replaced.
void merge(toml::table& base, toml::table&& over) {
  for (auto&& [key, node] : over) {
    toml::node* old = base.get(key);
    if (old && old->is_table() && node.is_table())
      merge(*old->as_table(), std::move(*node.as_table()));
    else
      base.insert_or_assign(key, std::move(node));
  }
}

/// Whether a fraction is given anywhere.
bool names_a_fraction(const Sweep& sweep) {
  const auto names = [](const PartialFormat& format) { return format.fraction || format.integer; };
  const auto& tensors = sweep.precision.tensor;
  return names(sweep.precision.all) || std::any_of(tensors.begin(), tensors.end(), names);
}

/// The names in [grid], in the order of the text.
std::vector<std::string> names_of_axes(const toml::table& root) {
  std::vector<std::pair<toml::source_position, std::string>> places;
  if (const auto* grid = root["grid"].as_table())
    for (const auto& [name, node] : *grid) places.emplace_back(name.source().begin, name.str());
  std::stable_sort(places.begin(), places.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (auto& [place, name] : places) names.push_back(std::move(name));
  return names;
}

/// Where a key that is given, or an axis of its name, is, for messages: "file.toml:12: ".
std::string place_of(const GivenValues& given, const std::string& key) {
  const toml::node* grid = given.find("grid");
  const toml::node* axis = grid ? grid->as_table()->get(key) : nullptr;
  if (!axis) return given.place(key);
  return GivenValues(*axis, key, key, given.source()).place(key);
}

/// Refuses a key that says what another one says as well.
void refuse_both(const GivenValues& given, const std::string& key, const std::string& other) {
  if (!place_of(given, key).empty() && !place_of(given, other).empty())
    throw RequestError(
        fmt::format("{}{} and {}, expected one of them", place_of(given, key), key, other));
}

void check_precision(const GivenValues& given) {
  refuse_both(given, "precision.fraction", "grid.fraction");
  refuse_both(given, "precision.integer", "grid.fraction");
  refuse_both(given, "precision.bits", "grid.bits");
  refuse_both(given, "precision.integer", "precision.fraction");
  for (const std::string tensor : tensor_names) {
    const std::string table = "precision." + tensor;
    refuse_both(given, table + ".integer", table + ".fraction");
  }
}

void check_report(const GivenValues& given, const Sweep& sweep) {
  const auto& report = sweep.report;
  if (report.smooth_window % 2 == 0) given.fail("report.smooth_window", "an odd number of steps");
  if (report.polyorder >= report.smooth_window && !given.has("report.polyorder"))
    given.fail("report.smooth_window",
               fmt::format("more than report.polyorder, by default {}", report.polyorder));
  if (report.polyorder >= report.smooth_window)
    given.fail("report.polyorder",
               fmt::format("less than report.smooth_window = {}", report.smooth_window));
  const auto refuse_axis = [&](bool asked, const std::string& key, const std::string& file,
                               const std::string& axis) {
    if (asked && std::any_of(sweep.axes.begin(), sweep.axes.end(),
                             [&](const Axis& of) { return of.name == axis; }))
      throw RequestError(fmt::format("{}{} = true: {} has arrays of one shape, expected no axis {}",
                                     given.place(key), key, file, name_in_grid(axis)));
  };
  refuse_axis(report.curves, "report.curves", "curves.npz", "train.iterations");
  refuse_axis(report.weights, "report.weights", "weights.npz", "network.layers");
  refuse_axis(report.weights, "report.weights", "weights.npz", "network.bias");
}

/// The values that a key has in the cells of a grid, where it has `value` in the first.
std::vector<KeyValue> values_in_cells(const Sweep& sweep, const std::string& key, KeyValue value) {
  for (const Axis& axis : sweep.axes)
    if (axis.name == key) return axis.values;
  return {std::move(value)};
}

void check_dataset(const GivenValues& given, const Sweep& sweep) {
  const std::string& name = sweep.dataset.name;
  if (sweep.dataset.path.empty())
    given.fail("dataset.path", name == "csv"   ? "a CSV file"
                               : name == "npz" ? "an NPZ file"
                                               : "a directory of IDX files");
  for (const char* key : {"dataset.header", "dataset.delimiter", "dataset.label"})
    if (given.has(key) && name != "csv")
      given.fail(key, "dataset.name = \"csv\" with it, for only CSV files are read by it");
}

void check_split(const GivenValues& given, const Sweep& sweep) {
  if (!sweep.dataset.test) return;
  const std::string first = sweep.train.samples == TrainSamples::all ? "all" : "train";
  const auto samples = values_in_cells(sweep, "train.samples", first);
  if (std::find(samples.begin(), samples.end(), KeyValue("all")) != samples.end())
    throw RequestError(
        fmt::format("{}dataset.test = {}, expected train.samples = \"train\" with it, which holds "
                    "the test split out",
                    place_of(given, "dataset.test"), *sweep.dataset.test));
}

void check_steps(const GivenValues& given, const Sweep& sweep) {
  const auto values = [&](const std::string& key, std::int64_t first) {
    std::vector<std::int64_t> integers;
    for (const KeyValue& value : values_in_cells(sweep, key, first))
      integers.push_back(std::get<std::int64_t>(value));
    return integers;
  };
  const auto all_iterations = values("train.iterations", sweep.train.iterations);
  const auto refuse_unless = [&](const auto& holds, const auto& message) {
    const auto wrong = std::find_if_not(all_iterations.begin(), all_iterations.end(), holds);
    if (wrong != all_iterations.end()) throw RequestError(message(*wrong));
  };
  const std::int64_t common =
      std::accumulate(all_iterations.begin(), all_iterations.end(), std::int64_t{0},
                      std::gcd<std::int64_t, std::int64_t>);
  for (const std::int64_t batch : values("train.batch", sweep.train.batch))
    if (common % batch != 0)
      refuse_unless([&](std::int64_t iterations) { return iterations % batch == 0; },
                    [&](std::int64_t iterations) {
                      return fmt::format(
                          "{}train.batch = {}, expected a divisor of train.iterations = {}",
                          place_of(given, "train.batch"), batch, iterations);
                    });
  const std::int64_t window = sweep.report.smooth_window;
  refuse_unless([&](std::int64_t iterations) { return iterations >= window; },
                [&](std::int64_t iterations) {
                  return fmt::format(
                      "{}report.smooth_window = {}, expected at most train.iterations = {}",
                      given.place("report.smooth_window"), window, iterations);
                });
}

/// Resolves every combination of the values that may make a network one that cannot be. Where they
/// are many, this is left to whoever resolves all cells.
void check_formats(Sweep sweep) {
  constexpr std::size_t most = 1'000'000;
  std::erase_if(sweep.axes, [](const Axis& axis) {
    const std::string& key = key_of_axis(axis.name)->name;
    const bool matters = key == "lr" || key.starts_with("precision.") ||
                         (key.starts_with("network.") && key != "network.bias");
    return !matters;
  });
  if (count_cells(sweep.axes) > most) return;
  const std::vector<std::uint32_t> units_before_data = {1, 1};
  Cells cells(sweep);
  for (std::size_t cell = 0; cell < cells.size(); ++cell)
    network_of(cells.sweep_at(cell), units_before_data);  // it may refuse
}

/// "/train/iterations" of "train.iterations".
nlohmann::json::json_pointer place_in_json(const Key& key) {
  std::string place = "/" + key.name;
  std::replace(place.begin(), place.end(), '.', '/');
  return nlohmann::json::json_pointer(place);
}

/// `axes` are the names in [grid], in their order.
Sweep checked(const GivenValues& given, const std::vector<std::string>& axes) {
  given.refuse_all_but(names_of_keys());
  if (!given.has("dataset.name")) given.fail("dataset.name", "digits, mnist, idx, csv or npz");
  Sweep sweep;
  for (const Key& key : configuration_keys())
    if (given.has(key.name)) key.set(key.read(given), sweep);
  check_dataset(given, sweep);
  check_precision(given);
  sweep.axes = read_axes(given, axes);
  const bool has_fractions = names_a_fraction(Cells(sweep).sweep_at(0));
  sweep.axes = with_study_axes(std::move(sweep.axes), !has_fractions);
  check_report(given, sweep);
  sweep = Cells(sweep).sweep_at(0);
  check_split(given, sweep);
  check_steps(given, sweep);
  check_formats(sweep);
  return sweep;
}

toml::array array_of(const nlohmann::ordered_json& json, const std::string& source);

/// Calls take(value) with the TOML of a JSON value that is no object.
template <typename Take>
void with_toml(const nlohmann::ordered_json& json, const std::string& source, const Take& take) {
  if (json.is_number_integer())
    take(std::get<std::int64_t>(from_json(json)));
  else if (json.is_number_float())
    take(json.get<double>());
  else if (json.is_boolean())
    take(json.get<bool>());
  else if (json.is_string())
    take(json.get<std::string>());
  else if (json.is_array())
    take(array_of(json, source));
  else
    throw RequestError(fmt::format("{}: null, expected a value", path_text(source)));
}

toml::array array_of(const nlohmann::ordered_json& json, const std::string& source) {
  toml::array array;
  for (const auto& element : json)
    with_toml(element, source, [&](auto&& value) { array.push_back(std::move(value)); });
  return array;
}

/// The TOML of a JSON object; neither is deep.
toml::table table_of(const nlohmann::ordered_json& json, const std::string& source) {
  toml::table table;
  for (const auto& member : json.items())
    if (member.value().is_object())
      table.insert(member.key(), table_of(member.value(), source));
    else
      with_toml(member.value(), source,
                [&](auto&& value) { table.insert(member.key(), std::move(value)); });
  return table;
}

/// What of a recorded configuration is to be the same, with the names of its axes in their order.
nlohmann::json study_of(const nlohmann::ordered_json& recorded,
                        const nlohmann::ordered_json& configuration) {
  nlohmann::json study = recorded;  // unlike ordered_json, equal in any order of its keys
  for (const Key& key : configuration_keys()) {
    const auto place = place_in_json(key);
    if (!configuration.contains(place) || study.contains(place)) continue;
    if (const auto otherwise = key.write(Sweep{})) study[place] = to_json(*otherwise);
  }
  for (const char* key : {"metric", "tolerance", "curves", "weights", "diagnostics", "baseline"})
    study["report"].erase(key);
  study.erase("grid");
  for (const auto& [axis, values] : recorded.at("grid").items()) study["grid"].push_back(axis);
  return study;
}

}  // namespace

fs::path find_configuration(const std::string& name) {
  std::error_code unknown;
  const fs::file_status found = fs::status(name, unknown);
  if (fs::exists(found) && !fs::is_directory(found)) return name;  // it may be a pipe
  std::vector<std::string> shipped;
  std::error_code missing;
  for (fs::directory_iterator entry(shipped_directory(), missing), end; !missing && entry != end;
       entry.increment(missing))
    if (entry->path().extension() == ".toml") shipped.push_back(entry->path().filename().string());
  std::sort(shipped.begin(), shipped.end());
  for (const std::string& other : shipped)
    if (other == name || other == name + ".toml") return shipped_directory() / other;
  const std::string why = fs::is_directory(found)               ? "a directory, expected a file"
                          : found.type() == fs::file_type::none ? unknown.message()
                                                                : "no such file";
  throw RequestError(shipped.empty()
                         ? fmt::format("--config {}: {}; none are shipped: {} is missing or empty",
                                       path_text(name), why, path_text(shipped_directory()))
                         : fmt::format("--config {}: {}; shipped are {}", path_text(name), why,
                                       fmt::join(shipped, ", ")));
}

Sweep parse_configuration(const std::string& text, const std::string& source,
                          const std::vector<std::string>& overrides) {
  const auto place = [&](std::size_t line) {
    return fmt::format("{}:{}", path_text(source), line);
  };
  toml::table root;
  try {
    refuse_deep_keys(text, place);
    root = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    fail_syntax(error, place(error.source().begin.line));
  }
  std::vector<std::string> axes = names_of_axes(root);
  for (const std::string& text_of_override : overrides) {
    toml::table over = parse_override(text_of_override);
    GivenValues(over, override_place(text_of_override)).refuse_all_but(names_of_keys());
    for (const std::string& name : names_of_axes(over))
      if (std::find(axes.begin(), axes.end(), name) == axes.end()) axes.push_back(name);
    merge(root, std::move(over));
  }
  return checked(GivenValues(root, source), axes);
}

Sweep read_configuration(const fs::path& path, const std::vector<std::string>& overrides) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  return parse_configuration(std::string(bytes.begin(), bytes.end()), path.string(), overrides);
}

nlohmann::ordered_json to_json(const Sweep& sweep) {
  nlohmann::ordered_json all;
  const auto is_axis = [&](const Key& key) {
    return std::any_of(sweep.axes.begin(), sweep.axes.end(),
                       [&](const Axis& axis) { return key_of_axis(axis.name) == &key; });
  };
  const auto write_grid = [&] {
    for (const Axis& axis : sweep.axes) {
      auto& values = all["grid"][axis.name] = nlohmann::ordered_json::array();
      for (const KeyValue& value : axis.values)
        values.push_back(nlohmann::ordered_json(to_json(value)));
    }
  };
  for (const Key& key : configuration_keys()) {
    if (key.name.starts_with("report.") && !all.contains("grid")) write_grid();
    if (is_axis(key)) continue;
    if (const auto value = key.write(sweep)) all[place_in_json(key)] = to_json(*value);
  }
  return all;
}

Sweep sweep_of_json(const nlohmann::ordered_json& configuration, const std::string& source) {
  nlohmann::ordered_json keys = configuration;
  const nlohmann::ordered_json::json_pointer layers("/network/layers");
  if (keys.contains(layers) && keys[layers] == nlohmann::ordered_json::array())
    keys["network"].erase("layers");  // a configuration leaves out layers that follow the data
  const toml::table root = table_of(keys, source);
  std::vector<std::string> axes;
  if (configuration.contains("grid") && configuration["grid"].is_object())
    for (const auto& [name, values] : configuration["grid"].items()) axes.push_back(name);
  return checked(GivenValues(root, source), axes);
}

bool is_same_study(const nlohmann::ordered_json& recorded,
                   const nlohmann::ordered_json& configuration) {
  try {
    return study_of(recorded, configuration) == study_of(configuration, configuration);
  } catch (const nlohmann::json::exception&) {
    return false;  // a table that is none
  }
}

}  // namespace gridrun
