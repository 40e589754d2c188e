// The files of a run: grid.csv, grid.npz, answers.json, run.json, and what was asked for:
// curves.npz, weights.npz.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "results/final_weights.hpp"
#include "results/grid_result.hpp"
#include "results/learning_curves.hpp"
#include "results/published_files.hpp"
#include "results/run_record.hpp"
#include "results/seed_answers.hpp"

namespace gridrun {

/// All names that a run may write.
inline constexpr const char* result_names[] = {"grid.csv",    "figures.csv", "diagnostics.csv",
                                               "summary.csv", "grid.npz",    "answers.json",
                                               "curves.npz",  "weights.npz", run_record_name};

/// What is to be published of a run, run.json last. `answers` are of the grid's slices, `front` the
/// list `pareto` of answers.json, `weights`
/// empty where none are to be written. `run_record` gives the text of run.json; it is called once
/// the others are written. The writers refer to the other arguments, and throw RunError naming the
/// file that cannot be written.
std::vector<NewFile> result_files(const GridResult& result, const std::vector<SeedAnswers>& answers,
                                  const nlohmann::ordered_json& front,
                                  const std::optional<LearningCurves>& curves,
                                  const std::vector<LayerWeights>& weights,
                                  std::function<std::string()> run_record);

}  // namespace gridrun
