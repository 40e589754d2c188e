// One run, from the request to its files.
#pragma once

#include "app/command_line.hpp"
#include "gridrun/error.hpp"

namespace gridrun {

/// Thrown where a run was stopped as it was asked to, by SIGTERM, SIGUSR1 or --max-seconds: what is
/// trained is stored, and the same command goes on. Exit status 85.
struct Stopped : RunError {
  using RunError::RunError;
};

/// Trains what is not yet trained, and writes the files. Throws RequestError before anything is
/// started, RunError after.
void run(const Options& options);

}  // namespace gridrun
