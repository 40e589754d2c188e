#include "base/message_text.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace gridrun {
namespace {

bool is_continuation(char byte) { return (static_cast<std::uint8_t>(byte) & 0xc0) == 0x80; }

struct Character {
  std::size_t length;        // bytes
  std::uint32_t code_point;  //
  bool is_valid;             // else it is one byte that is not UTF-8
};

/// The first character of a text that is not empty.
Character first_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  const Character invalid{1, lead, false};
  if (lead < 0x80) return {1, lead, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return invalid;
  std::uint32_t code_point = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return invalid;
    code_point = code_point << 6 | (static_cast<std::uint8_t>(text[i]) & 0x3fU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};  // of each length
  const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < least[length] || code_point > 0x10ffff || is_surrogate) return invalid;
  return {length, code_point, true};
}

bool is_unprintable(std::uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||  // C0, DEL, C1
         (code_point >= 0x2028 && code_point <= 0x202e) ||                  // separators, direction
         (code_point >= 0x2066 && code_point <= 0x2069);                    // direction
}

std::string escape(const Character& character) {
  switch (character.code_point) {
    case '\t':
      return "\\t";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    default:
      return character.code_point < 0x100 ? fmt::format("\\x{:02x}", character.code_point)
                                          : fmt::format("\\u{:04x}", character.code_point);
  }
}

/// Takes the first character off the front of `text`; returns it escaped where it must be.
std::string take_character(std::string_view& text) {
  const Character character = first_character(text);
  const std::string_view bytes = text.substr(0, character.length);
  text.remove_prefix(character.length);
  return character.is_valid && !is_unprintable(character.code_point) ? std::string(bytes)
                                                                     : escape(character);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string line;
  while (!text.empty()) line += take_character(text);
  return line;
}

std::string excerpt(std::string_view text, std::size_t most) {
  std::string line;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string character = take_character(rest);
    if (line.size() + character.size() > most)
      return fmt::format("{}... ({} bytes)", line, text.size());
    line += character;
  }
  return line;
}

std::string path_text(const std::filesystem::path& path) {
  constexpr std::size_t longest = 200, kept = 98;  // bytes, of either end
  const std::string& text = path.native();
  if (text.size() <= longest) return escaped(text);
  std::size_t head = kept, tail = text.size() - kept;
  while (head > 0 && is_continuation(text[head])) --head;
  while (tail < text.size() && is_continuation(text[tail])) ++tail;
  return escaped(text.substr(0, head)) + "..." + escaped(text.substr(tail));
}

}  // namespace gridrun
