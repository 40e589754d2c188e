// What the axes of precision are called in texts.
#pragma once

#include <string>

namespace gridrun {

/// "fraction" or "word length", of an axis by its name.
std::string precision_noun(const std::string& axis);

/// What its values count: "fraction bits" or "bits of a word".
std::string precision_unit(const std::string& axis);

/// One of its values: "fraction 12" or "12 bits".
std::string precision_text(const std::string& axis, int value);

}  // namespace gridrun
