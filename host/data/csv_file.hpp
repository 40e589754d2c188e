// Comma-separated samples: features and then the label, one sample a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "gridrun/progress.hpp"

namespace gridrun {

struct CsvSamples {
  std::size_t samples = 0;
  std::size_t inputs = 0;
  std::vector<double> values;         // [samples][inputs]
  std::vector<std::uint32_t> labels;  // [samples]
};

/// Reads a CSV file, plain or gzip. A first line that is not all numbers is a header; blank lines
/// at the end are passed over. Throws RequestError naming file and line when lines differ in
/// length, a field is not a finite number, or a label is not a class number, and when memory cannot
/// hold the samples. Throws Interrupted once `progress`, which may be null, is stopped.
CsvSamples read_csv(const std::filesystem::path& path, const Progress* progress = nullptr);

}  // namespace gridrun
