// The files of a run: grid.csv, grid.npz, answers.json, curves.npz where asked for, and run.json.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "answers.hpp"
#include "learning_curves.hpp"
#include "summarise.hpp"

namespace gridrun {

/// Writes a run's files, each whole or not at all; none takes its place before all are written.
/// Without curves, those of an earlier run are removed. `run_record` gives the text of run.json; it
/// is called once the result files are on disk. Returns the names of the files, run.json last.
/// Throws RunError naming the file that cannot be written.
std::vector<std::string> write_results(const std::filesystem::path& directory,
                                       const GridResult& result, const Answers& answers,
                                       const std::optional<LearningCurves>& curves,
                                       const std::function<std::string()>& run_record);

}  // namespace gridrun
