// The accuracy grid as text, coloured where the terminal has colours.
#pragma once

#include <cstddef>
#include <string>

#include "results/summarise.hpp"

namespace gridrun {

/// One line a learning rate, one column a fraction, accuracy in whole percent, in panels that fit
/// `width` characters (0: one panel however wide).
std::string heat_map(const GridResult& result, bool coloured, std::size_t width);

}  // namespace gridrun
