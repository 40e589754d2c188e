#include "configuration/axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "configuration/cells.hpp"
#include "configuration/keys.hpp"

namespace gridrun {
namespace {

/// The axes that have names of their own, in their order in a grid. Their values rise, and a range
/// has these ends where it gives none.
struct NamedAxis {
  const char* name;
  std::int64_t from, to;
};
constexpr NamedAxis named_axes[] = {{"lr", 5, 19}, {"fraction", 8, 23}, {"bits", 4, 16}};

const NamedAxis* find_named(const std::string& axis) {
  const auto* const end = std::end(named_axes);
  const auto* const found = std::find_if(
      std::begin(named_axes), end, [&](const NamedAxis& named) { return axis == named.name; });
  return found == end ? nullptr : found;
}

Axis whole(const NamedAxis& named) {
  Axis axis{named.name, {}};
  for (std::int64_t value = named.from; value <= named.to; ++value) axis.values.emplace_back(value);
  return axis;
}

/// Reads the values of one axis.
class AxisReader {
 public:
  AxisReader(const GivenValues& given, const std::string& axis)
      : given_(given),
        key_(*key_of_axis(axis)),
        named_(find_named(axis)),
        shown_(name_in_grid(axis)),
        node_(*given.find("grid")->as_table()->get(axis)) {}

  std::vector<KeyValue> read() const {
    const bool has_ranges = key_.kind == Key::Kind::integer || key_.kind == Key::Kind::real;
    const bool has_lists = key_.kind == Key::Kind::list;
    std::vector<KeyValue> values;
    if (const toml::table* table = node_.as_table()) {
      if (!has_ranges)
        given_.fail(node_, shown_, expected(has_lists ? "a list of lists" : "a list"));
      values = key_.kind == Key::Kind::integer ? integers(*table) : reals(*table);
    } else if (const toml::array* list = node_.as_array()) {
      if (list->empty() || (has_lists && !list->front().is_array()))
        given_.fail(node_, shown_,
                    expected(has_ranges  ? "{ from = A, to = B } or a list"
                             : has_lists ? "a list of lists"
                                         : "a list"));
      for (const toml::node& element : *list) values.push_back(value_of(element, shown_));
    } else {
      values.push_back(value_of(node_, shown_));
    }
    refuse_repeated(values);
    return values;
  }

 private:
  std::string expected(const std::string& what) const {
    return fmt::format("{} ({})", what, key_.type);
  }

  KeyValue value_of(const toml::node& node, const std::string& shown) const {
    return key_.read(GivenValues(node, key_.name, shown, given_.source()));
  }

  void refuse_repeated(std::vector<KeyValue> values) const {
    if (named_) {
      for (std::size_t i = 1; i < values.size(); ++i)
        if (values[i - 1] >= values[i]) given_.fail(node_, shown_, "a list that rises");
      return;
    }
    if (!std::is_sorted(values.begin(), values.end())) std::sort(values.begin(), values.end());
    if (std::adjacent_find(values.begin(), values.end()) != values.end())
      given_.fail(node_, shown_, "each value once");
  }

  [[noreturn]] void fail_missing(const std::string& name, const std::string& expected) const {
    const std::string key = shown_ + "." + name;
    given_.fail(key, expected);
  }

  template <typename Number>
  Number end_of(const toml::table& table, const std::string& name,
                std::optional<Number> otherwise) const {
    if (const toml::node* node = table.get(name))
      return std::get<Number>(value_of(*node, shown_ + "." + name));
    if (!otherwise) fail_missing(name, "both ends of the range, { from = A, to = B }");
    return *otherwise;
  }

  void check_order(const toml::table& table, bool rises, const std::string& from) const {
    if (rises) return;
    const std::string least = fmt::format("at least {}.from = {}", shown_, from);
    if (const toml::node* to = table.get("to")) given_.fail(*to, shown_ + ".to", least);
    fail_missing("to", least);
  }

  void check_count(double count) const {
    if (count > static_cast<double>(most_values_of_axis))
      given_.fail(node_, shown_, fmt::format("at most {} values", most_values_of_axis));
  }

  std::vector<KeyValue> integers(const toml::table& table) const {
    std::optional<std::int64_t> first, last;
    if (named_) first = named_->from, last = named_->to;
    const auto from = end_of(table, "from", first), to = end_of(table, "to", last);
    check_order(table, from <= to, fmt::format("{}", from));
    std::int64_t step = 1;
    if (const toml::node* node = table.get("step")) {
      const auto* given = node->as_integer();
      if (!given || given->get() < 1)
        given_.fail(*node, shown_ + ".step", "an integer of at least 1");
      step = given->get();
    }
    check_count(static_cast<double>((to - from) / step) + 1);
    std::vector<KeyValue> values;
    for (std::int64_t i = 0; i <= (to - from) / step; ++i) values.emplace_back(from + i * step);
    return values;
  }

  std::vector<KeyValue> reals(const toml::table& table) const {
    const auto real = [&](const std::string& name) {
      const toml::node* node = table.get(name);
      if (!node) fail_missing(name, "a number: { from = A, to = B, step = C }");
      const KeyValue value = value_of(*node, shown_ + "." + name);
      if (!std::holds_alternative<double>(value))
        given_.fail(*node, shown_ + "." + name, "a number");
      return std::get<double>(value);
    };
    const double from = real("from"), to = real("to");
    check_order(table, from <= to, fmt::format("{}", from));
    const toml::node* node = table.get("step");
    if (!node) fail_missing("step", "a number above 0");
    const auto step = node->value<double>();
    if (!step || node->is_boolean() || !std::isfinite(*step) || *step <= 0)
      given_.fail(*node, shown_ + ".step", "a number above 0");
    constexpr double rounding = 1e-9;  // of steps: 0.1, 0.2, ... end at 1.0
    const double steps = std::floor((to - from) / *step + rounding);
    check_count(steps + 1);
    std::vector<KeyValue> values;
    for (double i = 0; i <= steps; ++i) values.emplace_back(std::min(from + i * *step, to));
    return values;
  }

  const GivenValues& given_;
  const Key& key_;
  const NamedAxis* named_;
  const std::string shown_;
  const toml::node& node_;
};

}  // namespace

std::vector<Axis> read_axes(const GivenValues& given, const std::vector<std::string>& names) {
  std::vector<Axis> axes;
  for (const std::string& name : names) {
    axes.push_back({name, AxisReader(given, name).read()});
    count_cells(axes);  // it refuses what would not fit in memory before there is more of it
  }
  return axes;
}

std::vector<Axis> with_study_axes(std::vector<Axis> axes, bool fractions) {
  const auto add = [&](const NamedAxis& named) {
    if (std::none_of(axes.begin(), axes.end(),
                     [&](const Axis& axis) { return axis.name == named.name; }))
      axes.insert(axes.begin(), whole(named));
  };
  if (fractions) add(named_axes[1]);
  add(named_axes[0]);
  std::vector<std::size_t> places;
  std::vector<Axis> named;
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (find_named(axes[i].name)) {
      places.push_back(i);
      named.push_back(std::move(axes[i]));
    }
  std::sort(named.begin(), named.end(),
            [](const Axis& a, const Axis& b) { return find_named(a.name) < find_named(b.name); });
  for (std::size_t i = 0; i < places.size(); ++i) axes[places[i]] = std::move(named[i]);
  return axes;
}

}  // namespace gridrun
