// From a sweep's [dataset] to samples in memory.
#pragma once

#include <filesystem>

#include "gridrun/dataset.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// Loads the data set that the sweep names. A relative path is looked for below the working
/// directory and then below the folder of the shipped data; MNIST without a path also in
/// $GRIDRUN_MNIST, first. Throws RequestError naming the file, and the line where there are lines,
/// and Interrupted soon after `progress`, which may be null, is stopped.
Dataset load_dataset(const Sweep& sweep, const Progress* progress = nullptr);

}  // namespace gridrun
