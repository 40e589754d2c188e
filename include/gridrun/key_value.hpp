// Host and device: a value of a configuration key.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gridrun {

/// A number, yes or no, a name or text, or a list of integers.
using KeyValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;

}  // namespace gridrun
