#include "configuration/given_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/message_text.hpp"
#include "configuration/nearest_name.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

/// "file.toml:12", "--set KEY=VALUE" for an override, or a source alone that has no lines.
std::string where(const toml::node& node, std::string_view source) {
  const toml::source_region& region = node.source();
  const std::string_view path = region.path ? std::string_view(*region.path) : source;
  if (path.starts_with("--set")) return std::string(path);
  return region.begin.line == 0 ? path_text(path)
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
    : root_(&root), source_(std::move(source)) {}

GivenValues::GivenValues(const toml::node& node, std::string key, std::string shown,
                         std::string source)
    : alone_(&node), key_(std::move(key)), shown_(std::move(shown)), source_(std::move(source)) {}

const toml::node* GivenValues::find(const std::string& key) const {
  if (root_) return root_->at_path(key).node();
  return key == key_ ? alone_ : nullptr;
}

void GivenValues::fail(const std::string& key, const std::string& expected) const {
  const toml::node* node = find(key);
  if (!node)
    throw RequestError(
        fmt::format("{}: {} is missing, expected {}", path_text(source_), key, expected));
  fail(*node, key, expected);
}

void GivenValues::fail(const toml::node& node, const std::string& key,
                       const std::string& expected) const {
  throw RequestError(fmt::format("{}: {} = {}, expected {}", where(node, source_),
                                 root_ ? key : shown_, as_text(node), expected));
}

std::string GivenValues::place(const std::string& key) const {
  const toml::node* node = find(key);
  return node ? where(*node, source_) + ": " : "";
}

std::string GivenValues::text(const std::string& key) const {
  const auto value = find(key)->value_exact<std::string>();
  if (!value || value->empty()) fail(key, "a text in quotes");
  return *value;
}

double GivenValues::real(const std::string& key) const {
  const auto value = find(key)->value<double>();
  if (!value || find(key)->is_boolean() || !std::isfinite(*value)) fail(key, "a finite number");
  return *value;
}

bool GivenValues::boolean(const std::string& key) const {
  const auto value = find(key)->value_exact<bool>();
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

void GivenValues::refuse_all_but(const std::vector<std::string>& known) const {
  refuse_unquoted(known);
  refuse_unknown(*root_, "", known);
}

void GivenValues::refuse_unquoted(const std::vector<std::string>& known) const {
  for (const std::string& key : known) {
    if (!key.ends_with('"')) continue;
    std::string unquoted = key;
    std::erase(unquoted, '"');
    if (const toml::node* node = find(unquoted))
      throw RequestError(
          fmt::format("{}: unknown key {}, expected {}", where(*node, source_), unquoted, key));
  }
}

std::int64_t GivenValues::as_integer(const std::string& key, const toml::node& node,
                                     std::int64_t least, std::int64_t most) const {
  const auto* integer = node.as_integer();
  if (!integer || integer->get() < least || integer->get() > most)
    fail(node, key, fmt::format("an integer from {} to {}", least, most));
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
