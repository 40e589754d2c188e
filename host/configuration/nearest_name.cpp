#include "configuration/nearest_name.hpp"

#include <algorithm>
#include <numeric>

namespace gridrun {
namespace {

/// Levenshtein's distance: insertions, deletions and replacements from a to b.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The last part of a dotted key.
std::string leaf(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

std::string suggestion(const std::string& misspelt, const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  std::size_t least = misspelt.size() / 3 + 2;
  for (const std::string& name : known) {
    if (misspelt.size() > name.size() + least) continue;  // so many letters are wrong at least
    // A right name in the wrong table is as near as a slip of one letter.
    const std::size_t distance = leaf(name) == leaf(misspelt) ? 1 : edit_distance(misspelt, name);
    if (distance < least) {
      least = distance;
      nearest = &name;
    }
  }
  return nearest ? "; did you mean " + *nearest + "?" : "";
}

}  // namespace gridrun
