// From a sweep's [dataset] to samples in memory.
#pragma once

#include <string>
#include <vector>

#include "data/class_labels.hpp"
#include "gridrun/dataset.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// What there is to tell of a data set, beside its samples.
struct DatasetNotes {
  std::vector<ClassLabel> labels;  // [class], of which samples are; none where they are 0, 1, ...
  std::vector<std::string> inferred;  // lines on how the files were read, where that is not plain
};

/// Loads the data set that the sweep names. A relative path is looked for below the working
/// directory and then below the folder of the shipped data; MNIST without a path also in
/// $GRIDRUN_MNIST, first. Throws RequestError naming the file, and the line where there are lines,
/// and Interrupted soon after `progress`, which may be null, is stopped. `notes` may be null.
Dataset load_dataset(const Sweep& sweep, const Progress* progress = nullptr,
                     DatasetNotes* notes = nullptr);

}  // namespace gridrun
