#include "results/result_files.hpp"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/durable_file.hpp"
#include "results/answers_report.hpp"
#include "results/grid_csv.hpp"
#include "results/npz_file.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

void add_axes(NpzFile& npz, const GridResult& result) {
  npz.add("learning_rates", {result.lr.begin(), result.lr.end()});
  npz.add("fractions", {result.fraction.begin(), result.fraction.end()});
}

void write_grid_npz(const fs::path& path, const GridResult& result) {
  NpzFile npz(path);
  const auto figure = [&](const char* name, double CellResult::*member) {
    std::vector<double> values;
    values.reserve(result.cells.size());
    for (const CellResult& cell : result.cells) values.push_back(cell.*member);
    npz.add(name, {result.lr.size(), result.fraction.size()}, values);
  };
  figure("accuracy", &CellResult::accuracy);
  figure("mean_update", &CellResult::mean_update);
  figure("mean_error", &CellResult::mean_error);
  add_axes(npz, result);
  npz.close();
}

void write_curves_npz(const fs::path& path, const GridResult& result,
                      const LearningCurves& curves) {
  NpzFile npz(path);
  npz.add("accuracy", {result.lr.size(), result.fraction.size(), curves.steps.size()},
          curves.accuracy);
  npz.add("steps", {curves.steps.begin(), curves.steps.end()});
  add_axes(npz, result);
  npz.close();
}

}  // namespace

std::vector<NewFile> result_files(const GridResult& result, const Answers& answers,
                                  const std::optional<LearningCurves>& curves,
                                  std::function<std::string()> run_record) {
  std::vector<NewFile> files;
  files.push_back({"grid.csv", [&](const fs::path& path) { write_file(path, grid_csv(result)); }});
  files.push_back({"grid.npz", [&](const fs::path& path) { write_grid_npz(path, result); }});
  files.push_back({"answers.json", [&](const fs::path& path) {
                     write_file(path, answers_json(answers).dump(2) + "\n");
                   }});
  if (curves)
    files.push_back(
        {"curves.npz", [&](const fs::path& path) { write_curves_npz(path, result, *curves); }});
  files.push_back({run_record_name, [run_record = std::move(run_record)](const fs::path& path) {
                     write_file(path, run_record());
                   }});
  return files;
}

}  // namespace gridrun
