// The keys of a configuration, each described once: how it is read, checked, kept in run.json and
// told of in the help and the README.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/key_value.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

class GivenValues;

struct Key {
  enum class Kind { integer, real, boolean, name, text, list };

  std::string name;  // "train.iterations"
  Kind kind = Kind::integer;
  std::string type;       // "integer, 1 to 2147483647", for people
  std::string otherwise;  // what holds where it is not given
  std::string help;
  bool may_be_axis = true;  // networks of one sweep may differ in it

  /// The value that is given, checked. Throws RequestError.
  std::function<KeyValue(const GivenValues&)> read;

  /// Sets a value that read() returned.
  std::function<void(const KeyValue&, Sweep&)> set;

  /// The sweep's value; none where it has none.
  std::function<std::optional<KeyValue>(const Sweep&)> write;
};

/// All keys but those of [grid], table by table, in the order in which they are set.
const std::vector<Key>& configuration_keys();

/// The key that an axis of this name takes its values from: of `lr` one of its own, of `fraction`
/// and `bits` precision's, of the others the one of their name. Null: there is no such axis.
const Key* key_of_axis(const std::string& axis);

/// How [grid] names an axis: grid.lr, grid."train.seed".
std::string name_in_grid(const std::string& axis);

/// Every name that may be given, parts included: "train.seed", "grid.lr", "grid.lr.from"...
const std::vector<std::string>& names_of_keys();

/// The rows of the README's table, in Markdown.
std::string keys_as_markdown();

/// The keys for `--help`.
std::string keys_as_help();

/// As configurations have them.
std::string name_of(Round round);
std::string name_of(Overflow overflow);
std::string name_of(Metric metric);

}  // namespace gridrun
