// "Did you mean ...?"
#pragma once

#include <string>
#include <vector>

namespace gridrun {

/// "; did you mean NAME?" for the known name nearest to a misspelt one (by edit distance), or
/// nothing when none is near.
std::string suggestion(const std::string& misspelt, const std::vector<std::string>& known);

}  // namespace gridrun
