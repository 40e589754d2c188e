// How deep a TOML text nests, found before it is parsed: toml++ makes a table of every part of a
// dotted key, and to destroy tables in tables it recurses.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace gridrun {

/// The line, from 1, of the first key or header with more than `most_parts` parts between dots.
/// The text need not be legal TOML. Dots in strings and comments do not count; those of numbers do,
/// which have one.
std::optional<std::size_t> line_of_deep_key(std::string_view text, std::size_t most_parts);

}  // namespace gridrun
