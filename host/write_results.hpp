// The files of a run: grid.csv, grid.npz and run.json.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "summarise.hpp"

namespace gridrun {

/// Writes a run's files, each whole or not at all; none takes its place before all are written.
/// `run_record` gives the text of run.json; it is called once the result files are on disk.
/// Throws RunError naming the file that cannot be written.
void write_results(const std::filesystem::path& directory, const GridResult& result,
                   const std::function<std::string()>& run_record);

}  // namespace gridrun
