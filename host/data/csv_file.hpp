// Samples of a CSV file, one a row: features, and the label in a column of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/class_labels.hpp"
#include "gridrun/progress.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

struct CsvSamples {
  std::size_t samples = 0;
  std::size_t inputs = 0;
  std::vector<double> values;         // [samples][inputs], the columns but the label's
  std::vector<std::uint32_t> labels;  // [samples], classes
  Classes classes;
  std::vector<std::string> notes;  // of what was inferred, where that is not the plain case
};

/// Reads a CSV file, plain or gzip; its layout is as `said`, and what is not said is inferred from
/// its first two rows (csv_layout.hpp). Blank lines at the end are passed over. Throws RequestError
/// naming file and line when rows differ in length, a feature is not a finite number, or a label is
/// missing, and when memory cannot hold the samples. Throws Interrupted once `progress`, which may
/// be null, is stopped.
CsvSamples read_csv(const std::filesystem::path& path, const CsvLayout& said = {},
                    const Progress* progress = nullptr);

}  // namespace gridrun
