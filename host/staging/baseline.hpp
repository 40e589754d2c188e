// The networks that a sweep's networks are compared with: the same in binary64.
#pragma once

#include <string>

#include "gridrun/network_spec.hpp"

namespace gridrun {

/// Whether a baseline does not depend on an axis of this name: on precision, or the seed of
/// stochastic rounding.
bool is_precision_axis(const std::string& name);

/// The network in binary64. `fraction` is that of the format `master` which the last place of
/// init.unit = "lsb" is of; no other format is left, and nothing that does not matter.
NetworkSpec baseline_of(const NetworkSpec& network, int fraction);

}  // namespace gridrun
