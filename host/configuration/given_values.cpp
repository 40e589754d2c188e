#include "configuration/given_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/message_text.hpp"
#include "configuration/nearest_name.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

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

}  // namespace

GivenValues::GivenValues(const toml::table& root, std::string source)
    : root_(root), source_(std::move(source)) {}

void GivenValues::fail(const std::string& key, const std::string& expected) const {
  const toml::node* node = find(key);
  if (!node)
    throw RequestError(
        fmt::format("{}: {} is missing, expected {}", path_text(source_), key, expected));
  throw RequestError(fmt::format("{}: {} = {}, expected {}", where(*node, source_), key,
                                 as_text(*node), expected));
}

std::string GivenValues::place(const std::string& key) const {
  const toml::node* node = find(key);
  return node ? where(*node, source_) + ": " : "";
}

std::string GivenValues::text(const std::string& key) const {
  const auto value = root_.at_path(key).value_exact<std::string>();
  if (!value || value->empty()) fail(key, "a text in quotes");
  return *value;
}

double GivenValues::real(const std::string& key) const {
  const auto value = root_.at_path(key).value<double>();
  if (!value || root_.at_path(key).is_boolean() || !std::isfinite(*value))
    fail(key, "a finite number");
  return *value;
}

bool GivenValues::boolean(const std::string& key) const {
  const auto value = root_.at_path(key).value_exact<bool>();
  if (!value) fail(key, "true or false");
  return *value;
}

std::int64_t GivenValues::integer(const std::string& key, std::int64_t least,
                                  std::int64_t most) const {
  return as_integer(key, *find(key), least, most);
}

std::string GivenValues::choice(const std::string& key,
                                const std::vector<std::string>& names) const {
  const std::string name = text(key);
  if (std::find(names.begin(), names.end(), name) == names.end())
    fail(key, fmt::format("{}{}", fmt::join(names, ", "), suggestion(name, names)));
  return name;
}

std::vector<std::int64_t> GivenValues::integers(const std::string& key, std::size_t length,
                                                const std::string& expected, std::int64_t least,
                                                std::int64_t most) const {
  const auto* array = find(key)->as_array();
  if (!array || array->size() < length) fail(key, expected);
  std::vector<std::int64_t> values;
  for (const toml::node& element : *array) values.push_back(as_integer(key, element, least, most));
  return values;
}

std::vector<int> GivenValues::axis(const std::string& key, int least, int most,
                                   const std::vector<int>& otherwise) const {
  const toml::node* node = find(key);
  if (node->is_integer()) return {static_cast<int>(as_integer(key, *node, least, most))};
  if (node->is_table()) {
    const auto end = [&](const std::string& part, int end_otherwise) {
      if (const std::string name = key + "." + part; has(name))
        return static_cast<int>(integer(name, least, most));
      return end_otherwise;
    };
    const int from = end("from", otherwise.front()), to = end("to", otherwise.back());
    if (from > to) fail(key + ".to", fmt::format("at least {}.from = {}", key, from));
    std::vector<int> values(static_cast<std::size_t>(to - from + 1));
    std::iota(values.begin(), values.end(), from);
    return values;
  }
  const toml::array* array = node->as_array();
  if (!array || array->empty())
    fail(key, fmt::format("{{ from = A, to = B }} or a list, within {} to {}", least, most));
  std::vector<int> values;
  for (const toml::node& element : *array) {
    values.push_back(static_cast<int>(as_integer(key, element, least, most)));
    if (values.size() > 1 && values.end()[-2] >= values.back()) fail(key, "a list that rises");
  }
  return values;
}

void GivenValues::refuse_all_but(const std::vector<std::string>& known) const {
  refuse_unknown(root_, "", known);
}

std::int64_t GivenValues::as_integer(const std::string& key, const toml::node& node,
                                     std::int64_t least, std::int64_t most) const {
  const auto* integer = node.as_integer();
  if (!integer || integer->get() < least || integer->get() > most)
    throw RequestError(fmt::format("{}: {} = {}, expected an integer from {} to {}",
                                   where(node, source_), key, as_text(node), least, most));
  return integer->get();
}

void GivenValues::refuse_unknown(const toml::table& table, const std::string& prefix,
                                 const std::vector<std::string>& known) const {
  for (const auto& [name, node] : table) {
    const bool dotted = name.str().find('.') != std::string_view::npos;  // then it is in quotes
    const std::string key =
        dotted ? fmt::format("{}\"{}\"", prefix, name.str()) : prefix + std::string(name.str());
    const bool is_key = std::find(known.begin(), known.end(), key) != known.end();
    const bool is_table = std::any_of(known.begin(), known.end(), [&](const auto& other) {
      return other.starts_with(key + ".");
    });
    if (!is_key && !is_table) {
      std::set<std::string> tables;
      for (const std::string& other : known) tables.insert(other.substr(0, other.rfind('.')));
      throw RequestError(fmt::format(
          "{}: unknown key {}{}", where(node, source_), excerpt(key),
          suggestion(key, node.is_table() ? std::vector(tables.begin(), tables.end()) : known)));
    }
    if (!is_key && !node.is_table())
      throw RequestError(fmt::format("{}: {} = {}, expected a table [{}]", where(node, source_),
                                     key, as_text(node), key));
    if (const auto* inner = node.as_table()) refuse_unknown(*inner, key + ".", known);
  }
}

}  // namespace gridrun
