// Text from outside - files, keys, values, paths, the environment - made fit for a message, which
// is one line.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace gridrun {

/// The text with everything escaped that would break or disguise a line: control characters,
/// DEL, C1, line separators, marks that change the writing direction, and bytes that are not
/// UTF-8, as \n, \x1b or \u2028. A backslash stays, so escaped text is left as it is.
std::string escaped(std::string_view text);

/// The escaped text, cut to `most` bytes or less between two characters; then "..." and the whole
/// length follow.
std::string excerpt(std::string_view text, std::size_t most = 80);

/// The escaped path, without its middle where it is longer than 200 bytes.
std::string path_text(const std::filesystem::path& path);

}  // namespace gridrun
