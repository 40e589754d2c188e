// What is asked of sweeps that are in directories: how far they are, their files, to be one.
#pragma once

#include "app/command_line.hpp"

namespace gridrun {

/// Prints how far the sweep in a directory is.
void tell_status(const Options& options);

/// Makes the files of what is trained, also while a run goes on.
void export_files(const Options& options);

/// Puts the networks of some directories into another. Throws RequestError where one holds networks
/// of other data or of another study than the first.
void merge(const Options& options);

}  // namespace gridrun
