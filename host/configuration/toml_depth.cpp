#include "configuration/toml_depth.hpp"

#include <algorithm>

namespace gridrun {
namespace {

/// The length of the string that `text` starts with, its quotes included; one that is not closed
/// ends with its line, or with the text where it may have several lines.
std::size_t string_length(std::string_view text) {
  const char quote = text[0];
  const bool has_lines = text.size() >= 3 && text[1] == quote && text[2] == quote;
  const std::string_view closing = text.substr(0, has_lines ? 3 : 1);
  for (std::size_t i = closing.size(); i < text.size(); ++i) {
    if (text.substr(i).starts_with(closing)) return i + closing.size();
    if (text[i] == '\n' && !has_lines) return i;
    if (text[i] == '\\' && quote == '"') ++i;
  }
  return text.size();
}

}  // namespace

std::optional<std::size_t> line_of_deep_key(std::string_view text, std::size_t most_parts) {
  std::size_t line = 1, parts = 1;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    switch (text[i]) {
      case '.':
        if (++parts > most_parts) return line;
        break;
      case '"':
      case '\'':
        length = string_length(text.substr(i));
        break;
      case '#':
        length = std::min(text.find('\n', i), text.size()) - i;
        break;
      case '=':
      case ',':
      case '[':
      case ']':
      case '{':
      case '}':
      case '\n':
        parts = 1;
        break;
      default:
        break;
    }
    const std::string_view passed = text.substr(i, length);
    line += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    i += length;
  }
  return std::nullopt;
}

}  // namespace gridrun
