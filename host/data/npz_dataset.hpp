// Samples of an NPZ file.
#pragma once

#include <filesystem>

#include "data/class_labels.hpp"
#include "gridrun/dataset.hpp"
#include "gridrun/progress.hpp"

namespace gridrun {

/// Reads x [samples][...], y [samples] and, where there is a test split, x_test and y_test. x may
/// be called X, x_train or X_train, and so on. Labels are numbers or texts, and left as their
/// codes. Throws as NpzReader does, and RequestError when arrays are missing or do not match, or
/// memory cannot hold the samples. `progress` may be null.
Dataset read_npz(const std::filesystem::path& path, LabelCodes& codes, const Progress* progress);

}  // namespace gridrun
