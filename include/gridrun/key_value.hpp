// Host: a value of a configuration key.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gridrun {

/// A value of a configuration key, as an axis holds it.
using KeyValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;

}  // namespace gridrun
