// The accuracy grid as text, coloured where the terminal has colours.
#pragma once

#include <cstddef>
#include <string>

#include "results/slices.hpp"

namespace gridrun {

/// One line a learning rate, one column a precision, accuracy in whole percent, in panels that fit
/// `width` characters (0: one panel however wide).
std::string heat_map(const Slice& slice, bool coloured, std::size_t width);

/// The same of labels, [row][column], a letter each.
std::string label_map(const Slice& slice, const std::vector<Label>& labels, std::size_t width);

}  // namespace gridrun
