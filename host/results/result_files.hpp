// The files of a run: grid.csv, grid.npz, answers.json, curves.npz where asked for, and run.json.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "results/answers.hpp"
#include "results/learning_curves.hpp"
#include "results/published_files.hpp"
#include "results/run_record.hpp"
#include "results/summarise.hpp"

namespace gridrun {

/// All names that a run may write.
inline constexpr const char* result_names[] = {"grid.csv", "grid.npz", "answers.json", "curves.npz",
                                               run_record_name};

/// What is to be published of a run, run.json last. `run_record` gives the text of run.json; it is
/// called once the others are written. The writers refer to the result, answers and curves, and
/// throw RunError naming the file that cannot be written.
std::vector<NewFile> result_files(const GridResult& result, const Answers& answers,
                                  const std::optional<LearningCurves>& curves,
                                  std::function<std::string()> run_record);

}  // namespace gridrun
