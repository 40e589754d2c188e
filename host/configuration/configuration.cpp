#include "configuration/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <string_view>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "base/input_file.hpp"
#include "base/message_text.hpp"
#include "base/shipped_files.hpp"
#include "configuration/nearest_name.hpp"
#include "configuration/toml_depth.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

template <typename Value>
struct Named {
  const char* name;
  Value value;
};

constexpr Named<SampleOrder> sample_orders[] = {{"as_stored", SampleOrder::as_stored},
                                                {"by_label", SampleOrder::by_label}};
constexpr Named<Activation> activations[] = {{"relu", Activation::relu},
                                             {"linear", Activation::linear}};
constexpr Named<DrawOrder> draw_orders[] = {
    {"shuffle_then_weights", DrawOrder::shuffle_then_weights},
    {"weights_then_shuffle", DrawOrder::weights_then_shuffle},
    {"weights", DrawOrder::weights}};

/// A data set's name, and what its path and scale are when the configuration does not say.
struct KnownDataset {
  const char* path;  // empty: must be given
  double scale;
};
constexpr Named<KnownDataset> datasets[] = {{"digits", {default_digits_path, 16.0}},
                                            {"mnist", {default_mnist_path, 255.0}},
                                            {"idx", {"", 255.0}},
                                            {"csv", {"", 1.0}}};

const std::vector<std::string> tables = {"dataset", "network", "init", "train", "grid", "report"};
const std::vector<std::string> known_keys = {
    "dataset.name",     "dataset.path",         "dataset.order",    "dataset.scale",
    "network.layers",   "network.activation",   "init.mean",        "init.std",
    "train.iterations", "train.seed",           "train.draw_order", "grid.lr",
    "grid.lr.from",     "grid.lr.to",           "grid.fraction",    "grid.fraction.from",
    "grid.fraction.to", "report.smooth_window", "report.polyorder", "report.tolerance",
    "report.curves"};

/// Both ends included.
struct Range {
  int from, to;

  std::vector<int> values() const {
    std::vector<int> all(static_cast<std::size_t>(to - from + 1));
    std::iota(all.begin(), all.end(), from);
    return all;
  }
};

/// "file.toml:12", or "--set KEY=VALUE" for an override.
std::string where(const toml::node& node, std::string_view source) {
  const toml::source_region& region = node.source();
  const std::string_view path = region.path ? std::string_view(*region.path) : source;
  return path.starts_with("--set") ? std::string(path)
                                   : fmt::format("{}:{}", path_text(path), region.begin.line);
}

/// A real that looks like one: 1.0, not 1.
std::string as_text(double real) {
  const std::string text = fmt::format("{}", real);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

std::string as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return fmt::format("\"{}\"", excerpt(text->get()));
  if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
  if (const auto* real = node.as_floating_point()) return as_text(real->get());
  if (const auto* boolean = node.as_boolean()) return fmt::format("{}", boolean->get());
  if (node.is_array()) return "[...]";
  return node.is_table() ? "{...}" : "a date or time";
}

/// The keys of a parsed configuration, each with its place for messages.
class Keys {
 public:
  Keys(const toml::table& root, std::string source) : root_(root), source_(std::move(source)) {
    refuse_unknown(root_, "");
  }

  [[noreturn]] void fail(const std::string& key, const std::string& expected) const {
    const toml::node* node = root_.at_path(key).node();
    if (!node)
      throw RequestError(
          fmt::format("{}: {} is missing, expected {}", path_text(source_), key, expected));
    throw RequestError(fmt::format("{}: {} = {}, expected {}", where(*node, source_), key,
                                   as_text(*node), expected));
  }

  const toml::node* find(const std::string& key) const { return root_.at_path(key).node(); }

  std::string text(const std::string& key, const std::string& otherwise) const {
    if (!find(key)) return otherwise;
    const auto value = root_.at_path(key).value_exact<std::string>();
    if (!value || value->empty()) fail(key, "a text in quotes");
    return *value;
  }

  double real(const std::string& key, double otherwise) const {
    if (!find(key)) return otherwise;
    const auto value = root_.at_path(key).value<double>();
    if (!value || root_.at_path(key).is_boolean() || !std::isfinite(*value))
      fail(key, "a finite number");
    return *value;
  }

  bool boolean(const std::string& key, bool otherwise) const {
    if (!find(key)) return otherwise;
    const auto value = root_.at_path(key).value_exact<bool>();
    if (!value) fail(key, "true or false");
    return *value;
  }

  template <typename Integer>
  Integer integer(const std::string& key, Integer otherwise, std::int64_t least,
                  std::int64_t most) const {
    const toml::node* node = find(key);
    return node ? as_integer<Integer>(key, *node, least, most) : otherwise;
  }

  /// The value that has the name given for `key`.
  template <typename Value, std::size_t count>
  Value choice(const std::string& key, const Named<Value> (&choices)[count],
               const std::string& otherwise) const {
    const std::string name = text(key, otherwise);
    for (const auto& choice : choices)
      if (choice.name == name) return choice.value;
    std::vector<std::string> names;
    for (const auto& choice : choices) names.emplace_back(choice.name);
    fail(key, fmt::format("{}{}", fmt::join(names, ", "), suggestion(name, names)));
  }

  /// A list of rising integers, an integer alone, or a range { from, to } with both ends.
  std::vector<int> axis(const std::string& key, int most, Range otherwise) const {
    const toml::node* node = find(key);
    if (!node) return otherwise.values();
    if (node->is_integer()) return {as_integer<int>(key, *node, 0, most)};
    if (node->is_table()) {
      const Range range{integer<int>(key + ".from", otherwise.from, 0, most),
                        integer<int>(key + ".to", otherwise.to, 0, most)};
      if (range.from > range.to)
        fail(key + ".to", fmt::format("at least {}.from = {}", key, range.from));
      return range.values();
    }
    const toml::array* array = node->as_array();
    if (!array || array->empty())
      fail(key, fmt::format("{{ from = A, to = B }} or a list, within 0 to {}", most));
    std::vector<int> values;
    for (const toml::node& element : *array) {
      values.push_back(as_integer<int>(key, element, 0, most));
      if (values.size() > 1 && values.end()[-2] >= values.back()) fail(key, "a list that rises");
    }
    return values;
  }

  std::vector<std::uint32_t> layers(const std::string& key) const {
    const toml::node* node = find(key);
    if (!node) return {};
    const auto* array = node->as_array();
    if (!array || array->size() != 2) fail(key, "[inputs, outputs]");
    std::vector<std::uint32_t> layers;
    for (const toml::node& element : *array)
      layers.push_back(as_integer<std::uint32_t>(key, element, 1, 1 << 24));
    return layers;
  }

 private:
  template <typename Integer>
  Integer as_integer(const std::string& key, const toml::node& node, std::int64_t least,
                     std::int64_t most) const {
    const auto* integer = node.as_integer();
    if (!integer || integer->get() < least || integer->get() > most)
      throw RequestError(fmt::format("{}: {} = {}, expected an integer from {} to {}",
                                     where(node, source_), key, as_text(node), least, most));
    return static_cast<Integer>(integer->get());
  }

  void refuse_unknown(const toml::table& table, const std::string& prefix) const {
    for (const auto& [name, node] : table) {
      const bool dotted = name.str().find('.') != std::string_view::npos;  // then it is in quotes
      const std::string key =
          dotted ? fmt::format("{}\"{}\"", prefix, name.str()) : prefix + std::string(name.str());
      const bool known = std::find(known_keys.begin(), known_keys.end(), key) != known_keys.end();
      const bool group = std::any_of(known_keys.begin(), known_keys.end(), [&](const auto& other) {
        return other.starts_with(key + ".");
      });
      if (!known && !group)
        throw RequestError(fmt::format("{}: unknown key {}{}", where(node, source_), excerpt(key),
                                       suggestion(key, node.is_table() ? tables : known_keys)));
      if (!known && !node.is_table())
        throw RequestError(fmt::format("{}: {} = {}, expected a table [{}]", where(node, source_),
                                       key, as_text(node), key));
      if (const auto* inner = node.as_table()) refuse_unknown(*inner, key + ".");
    }
  }

  const toml::table& root_;
  std::string source_;
};

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

Sweep checked(const Keys& keys) {
  Sweep sweep;
  if (!keys.find("dataset.name")) keys.fail("dataset.name", "digits, mnist, idx or csv");
  const KnownDataset known = keys.choice("dataset.name", datasets, "");
  sweep.dataset.name = keys.text("dataset.name", "");
  sweep.dataset.path = keys.text("dataset.path", known.path);
  if (sweep.dataset.path.empty())
    keys.fail("dataset.path",
              sweep.dataset.name == "csv" ? "a CSV file" : "a directory of IDX files");
  if (sweep.dataset.path.find('\0') != std::string::npos)
    keys.fail("dataset.path", "a path, which has no NUL");
  sweep.dataset.order = keys.choice("dataset.order", sample_orders, "by_label");
  sweep.dataset.scale = keys.real("dataset.scale", known.scale);
  if (!(sweep.dataset.scale > 0)) keys.fail("dataset.scale", "a number above 0");

  sweep.network.layers = keys.layers("network.layers");
  sweep.network.activation = keys.choice("network.activation", activations, "relu");
  sweep.init.mean = keys.real("init.mean", sweep.init.mean);
  sweep.init.std = keys.real("init.std", sweep.init.std);
  if (sweep.init.std < 0) keys.fail("init.std", "a number of at least 0");

  constexpr std::int64_t most_steps = std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t widest_window = 999'999;
  constexpr std::int64_t largest_seed = std::numeric_limits<std::uint32_t>::max();
  auto& train = sweep.train;
  train.iterations =
      keys.integer<std::uint32_t>("train.iterations", train.iterations, 1, most_steps);
  train.seed = keys.integer<std::uint32_t>("train.seed", train.seed, 0, largest_seed);
  train.draw_order = keys.choice("train.draw_order", draw_orders, "shuffle_then_weights");

  sweep.grid.lr = keys.axis("grid.lr", max_lr, {5, 19});
  sweep.grid.fraction = keys.axis("grid.fraction", max_fraction, {8, 23});

  auto& report = sweep.report;
  report.smooth_window =
      keys.integer<std::uint32_t>("report.smooth_window", report.smooth_window, 1, widest_window);
  report.polyorder = keys.integer<std::uint32_t>("report.polyorder", report.polyorder, 0, 20);
  if (report.smooth_window % 2 == 0) keys.fail("report.smooth_window", "an odd number of steps");
  if (report.smooth_window > train.iterations)
    throw RequestError(fmt::format(
        "{}report.smooth_window = {}, expected at most train.iterations = {}",
        keys.find("report.smooth_window") ? where(*keys.find("report.smooth_window"), "") + ": "
                                          : "",
        report.smooth_window, train.iterations));
  if (report.polyorder >= report.smooth_window && !keys.find("report.polyorder"))
    keys.fail("report.smooth_window",
              fmt::format("more than report.polyorder, by default {}", report.polyorder));
  if (report.polyorder >= report.smooth_window)
    keys.fail("report.polyorder",
              fmt::format("less than report.smooth_window = {}", report.smooth_window));
  report.tolerance = keys.real("report.tolerance", report.tolerance);
  if (!(report.tolerance >= 0 && report.tolerance <= 1))
    keys.fail("report.tolerance", "a number from 0 to 1");
  report.curves = keys.boolean("report.curves", report.curves);
  return sweep;
}

template <typename Value, std::size_t count>
std::string name_of(Value value, const Named<Value> (&choices)[count]) {
  return std::find_if(std::begin(choices), std::end(choices),
                      [&](const auto& choice) { return choice.value == value; })
      ->name;
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
                                       fmt::join(shipped, " and ")));
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
    Keys(over, override_place(text_of_override));  // an unknown key is reported before it is merged
    merge(root, std::move(over));
  }
  return checked(Keys(root, source));
}

Sweep read_configuration(const fs::path& path, const std::vector<std::string>& overrides) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  return parse_configuration(std::string(bytes.begin(), bytes.end()), path.string(), overrides);
}

nlohmann::ordered_json to_json(const Sweep& sweep) {
  using json = nlohmann::ordered_json;
  return json{{"dataset", json{{"name", sweep.dataset.name},
                               {"path", sweep.dataset.path},
                               {"order", name_of(sweep.dataset.order, sample_orders)},
                               {"scale", sweep.dataset.scale}}},
              {"network", json{{"layers", sweep.network.layers},
                               {"activation", name_of(sweep.network.activation, activations)}}},
              {"init", json{{"mean", sweep.init.mean}, {"std", sweep.init.std}}},
              {"train", json{{"iterations", sweep.train.iterations},
                             {"seed", sweep.train.seed},
                             {"draw_order", name_of(sweep.train.draw_order, draw_orders)}}},
              {"grid", json{{"lr", sweep.grid.lr}, {"fraction", sweep.grid.fraction}}},
              {"report", json{{"smooth_window", sweep.report.smooth_window},
                              {"polyorder", sweep.report.polyorder},
                              {"tolerance", sweep.report.tolerance},
                              {"curves", sweep.report.curves}}}};
}

}  // namespace gridrun
