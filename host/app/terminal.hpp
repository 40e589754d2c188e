// What standard output and standard error are connected to.
#pragma once

#include <cstddef>
#include <cstdio>

namespace gridrun {

bool is_terminal(std::FILE* stream);

/// A terminal, and $TERM says which, other than "dumb".
bool has_escape_codes(std::FILE* stream);

/// Escape codes, and $NO_COLOR is not set. Source: no-color.org.
bool has_colours(std::FILE* stream);

/// Columns of the terminal, 80 where it does not say; 0 where it is none.
std::size_t terminal_width(std::FILE* stream);

}  // namespace gridrun
