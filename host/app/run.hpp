// One run, from the request to its files.
#pragma once

#include "app/command_line.hpp"

namespace gridrun {

/// Does what the command line asks for. Throws RequestError before anything is started, RunError
/// after.
void run(const Options& options);

}  // namespace gridrun
