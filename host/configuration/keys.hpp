// The keys of a configuration, each described once: how it is read, checked, kept in run.json and
// told of in the help and the README.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

#include "gridrun/sweep.hpp"

namespace gridrun {

class GivenValues;

struct Key {
  std::string name;       // "train.iterations"
  std::string type;       // "integer 1 to 2147483647", for people
  std::string otherwise;  // what holds where it is not given
  std::string help;
  std::vector<std::string> parts;  // keys of a table that may be its value: "from", "to"

  /// Takes the value that is given. Throws RequestError.
  std::function<void(const GivenValues&, Sweep&)> read;

  /// The value as run.json keeps it; null where the sweep has none.
  std::function<nlohmann::ordered_json(const Sweep&)> write;
};

/// All keys, table by table, in the order in which they are read.
const std::vector<Key>& configuration_keys();

/// The axes of a grid that does not name them: the study's.
std::vector<int> default_lr();
std::vector<int> default_fraction();

/// Every name that may be given, parts included: "grid.lr", "grid.lr.from"...
std::vector<std::string> names_of_keys();

/// The rows of the README's table, in Markdown.
std::string keys_as_markdown();

/// The keys for `--help`.
std::string keys_as_help();

}  // namespace gridrun
