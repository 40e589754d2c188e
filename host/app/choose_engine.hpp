// The engines of this build and the devices they run on.
#pragma once

#include <memory>
#include <string>

#include "gridrun/engine.hpp"

namespace gridrun {

/// The engine for `--device`: auto | cpu | reference | a GPU's number.
/// Throws RequestError when there is no such device.
std::unique_ptr<Engine> choose_engine(const std::string& device);

/// One line a device, for `--list-devices`.
std::string list_devices();

}  // namespace gridrun
