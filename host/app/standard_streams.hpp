// Standard output and error, which may be closed, full or gone without harm to a run.
#pragma once

#include <string_view>

namespace gridrun {

/// Puts /dev/null in the place of standard streams that are closed, so that no file that is opened
/// later gets their number and what is printed. To be called before anything else.
void open_standard_streams() noexcept;

/// Prints to standard output at once. What cannot be written is lost, which
/// check_standard_output() tells.
void print(std::string_view text) noexcept;

/// Prints to standard error at once. What cannot be written is lost.
void print_error(std::string_view text) noexcept;

/// Throws RunError when something printed so far did not reach standard output.
void check_standard_output();

}  // namespace gridrun
