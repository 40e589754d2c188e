// The engines of this build and the devices they run on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gridrun/engine.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

using Engines = std::vector<std::unique_ptr<Engine>>;

/// The engines for `--device`: auto | cpu | reference | a GPU's number, several of them with commas
/// between; `all` stands for all GPUs. `auto` is the fastest that can train the sweep. Throws
/// RequestError when there is no such device, or when a network can be trained by none of them, or
/// one of them can train no network. Where none trains the networks of report.baseline, the
/// processor is added for these alone.
Engines choose_engines(const std::string& devices, const Sweep& sweep);

/// One line a device, for `--list-devices`.
std::string list_devices();

}  // namespace gridrun
