// The engines of this build and the devices they run on.
#pragma once

#include <memory>
#include <string>

#include "gridrun/engine.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// The engine for `--device`: auto | cpu | reference | a GPU's number. `auto` is the fastest that
/// can train the sweep. Throws RequestError when there is no such device, or when it cannot.
std::unique_ptr<Engine> choose_engine(const std::string& device, const Sweep& sweep);

/// One line a device, for `--list-devices`.
std::string list_devices();

}  // namespace gridrun
