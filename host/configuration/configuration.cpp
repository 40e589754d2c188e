#include "configuration/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/input_file.hpp"
#include "base/message_text.hpp"
#include "base/shipped_files.hpp"
#include "configuration/given_values.hpp"
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

/// Whether a fraction is given anywhere but as an axis.
bool names_a_fraction(const Sweep& sweep) {
  const auto names = [](const PartialFormat& format) { return format.fraction || format.integer; };
  const auto& tensors = sweep.precision.tensor;
  return names(sweep.precision.all) || std::any_of(tensors.begin(), tensors.end(), names);
}

/// Refuses a key that says what another one says as well.
void refuse_both(const GivenValues& given, const std::string& key, const std::string& other) {
  if (given.has(key) && given.has(other))
    throw RequestError(
        fmt::format("{}{} and {}, expected one of them", given.place(key), key, other));
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
  if (report.smooth_window > sweep.train.iterations)
    throw RequestError(fmt::format(
        "{}report.smooth_window = {}, expected at most train.iterations = {}",
        given.place("report.smooth_window"), report.smooth_window, sweep.train.iterations));
  if (report.polyorder >= report.smooth_window && !given.has("report.polyorder"))
    given.fail("report.smooth_window",
               fmt::format("more than report.polyorder, by default {}", report.polyorder));
  if (report.polyorder >= report.smooth_window)
    given.fail("report.polyorder",
               fmt::format("less than report.smooth_window = {}", report.smooth_window));
}

/// "/train/iterations" of "train.iterations".
nlohmann::json::json_pointer place_in_json(const Key& key) {
  std::string place = "/" + key.name;
  std::replace(place.begin(), place.end(), '.', '/');
  return nlohmann::json::json_pointer(place);
}

Sweep checked(const GivenValues& given) {
  given.refuse_all_but(names_of_keys());
  if (!given.has("dataset.name")) given.fail("dataset.name", "digits, mnist, idx or csv");
  Sweep sweep;
  for (const Key& key : configuration_keys())
    if (given.has(key.name)) key.read(given, sweep);

  if (sweep.dataset.path.empty())
    given.fail("dataset.path",
               sweep.dataset.name == "csv" ? "a CSV file" : "a directory of IDX files");
  if (sweep.dataset.test && sweep.train.samples == TrainSamples::all)
    throw RequestError(
        fmt::format("{}dataset.test = {}, expected train.samples = \"train\" with it, which holds "
                    "the test split out",
                    given.place("dataset.test"), *sweep.dataset.test));
  if (sweep.train.iterations % sweep.train.batch != 0)
    throw RequestError(
        fmt::format("{}train.batch = {}, expected a divisor of train.iterations = {}",
                    given.place("train.batch"), sweep.train.batch, sweep.train.iterations));
  check_precision(given);
  if (sweep.grid.lr.empty()) sweep.grid.lr = default_lr();
  if (sweep.grid.fraction.empty() && !names_a_fraction(sweep))
    sweep.grid.fraction = default_fraction();
  check_report(given, sweep);
  networks_of(sweep);  // it may refuse
  return sweep;
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
  for (const std::string& text_of_override : overrides) {
    toml::table over = parse_override(text_of_override);
    GivenValues(over, override_place(text_of_override)).refuse_all_but(names_of_keys());
    merge(root, std::move(over));
  }
  return checked(GivenValues(root, source));
}

Sweep read_configuration(const fs::path& path, const std::vector<std::string>& overrides) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  return parse_configuration(std::string(bytes.begin(), bytes.end()), path.string(), overrides);
}

nlohmann::ordered_json to_json(const Sweep& sweep) {
  nlohmann::ordered_json all;
  for (const Key& key : configuration_keys())
    if (auto value = key.write(sweep); !value.is_null()) all[place_in_json(key)] = std::move(value);
  return all;
}

bool is_same_run(const nlohmann::ordered_json& recorded,
                 const nlohmann::ordered_json& configuration) {
  nlohmann::json complete = recorded;  // unlike ordered_json, equal in any order of its keys
  try {
    for (const Key& key : configuration_keys()) {
      const auto place = place_in_json(key);
      if (configuration.contains(place) && !complete.contains(place))
        complete[place] = key.write(Sweep{});
    }
  } catch (const nlohmann::json::exception&) {
    return false;  // a table that is none
  }
  return complete == nlohmann::json(configuration);
}

}  // namespace gridrun
