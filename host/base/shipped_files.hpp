// The configurations and data that come with gridrun.
#pragma once

#include <filesystem>

namespace gridrun {

/// Where MNIST is looked for when the configuration does not say.
inline constexpr const char* default_mnist_path = "data/mnist";
inline constexpr const char* default_digits_path = "data/digits.csv";

/// The directory `data` with the shipped configurations and digits.csv: of the installation that
/// the running program belongs to, else of the source tree that it was built from.
std::filesystem::path shipped_directory();

}  // namespace gridrun
