#include "results/result_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/durable_file.hpp"
#include "configuration/key_value_json.hpp"
#include "results/answers_report.hpp"
#include "results/diagnostics_csv.hpp"
#include "results/figures_csv.hpp"
#include "results/grid_csv.hpp"
#include "results/npz_file.hpp"
#include "results/summary_csv.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// What an axis is called in archives.
std::string array_name(const Axis& axis) {
  if (axis.name == "lr") return "learning_rates";
  if (axis.name == "fraction") return "fractions";
  return axis.name;
}

template <typename Value>
bool are_all(const std::vector<KeyValue>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](const KeyValue& value) { return std::holds_alternative<Value>(value); });
}

template <typename Value>
std::vector<Value> all_as(const std::vector<KeyValue>& values) {
  std::vector<Value> all;
  for (const KeyValue& value : values) all.push_back(std::get<Value>(value));
  return all;
}

/// Integers and reals as such, all else as text.
void add_axes(NpzFile& npz, const GridResult& result) {
  for (const Axis& axis : result.axes) {
    if (are_all<std::int64_t>(axis.values)) {
      npz.add(array_name(axis), all_as<std::int64_t>(axis.values));
    } else if (are_all<double>(axis.values)) {
      npz.add(array_name(axis), {axis.values.size()}, all_as<double>(axis.values));
    } else {
      std::vector<std::string> texts;
      for (const KeyValue& value : axis.values) texts.push_back(text_of(value));
      npz.add(array_name(axis), texts);
    }
  }
}

/// One dimension an axis, and then the given ones.
std::vector<std::size_t> shape(const GridResult& result, const std::vector<std::size_t>& of_cell) {
  std::vector<std::size_t> shape;
  for (const Axis& axis : result.axes) shape.push_back(axis.values.size());
  shape.insert(shape.end(), of_cell.begin(), of_cell.end());
  return shape;
}

void write_grid_npz(const fs::path& path, const GridResult& result) {
  NpzFile npz(path);
  for (const Figure& figure : figures_of(result)) {
    std::vector<double> values;
    values.reserve(result.cells.size());
    for (const CellResult& cell : result.cells) values.push_back(cell.*figure.value);
    npz.add(figure.name, shape(result, {}), values);
  }
  add_axes(npz, result);
  npz.close();
}

void write_curves_npz(const fs::path& path, const GridResult& result,
                      const LearningCurves& curves) {
  NpzFile npz(path);
  npz.add("accuracy", shape(result, {curves.steps.size()}), curves.accuracy);
  npz.add("steps", std::vector<std::int64_t>(curves.steps.begin(), curves.steps.end()));
  add_axes(npz, result);
  npz.close();
}

void write_weights_npz(const fs::path& path, const GridResult& result,
                       const std::vector<LayerWeights>& weights) {
  NpzFile npz(path);
  for (std::size_t i = 0; i < weights.size(); ++i)
    npz.add_parts(fmt::format("layer{}", i + 1),
                  shape(result, {weights[i].units, weights[i].inputs}), weights[i].of_network);
  add_axes(npz, result);
  npz.close();
}

}  // namespace

std::vector<NewFile> result_files(const GridResult& result, const std::vector<SeedAnswers>& answers,
                                  const nlohmann::ordered_json& front,
                                  const std::optional<LearningCurves>& curves,
                                  const std::vector<LayerWeights>& weights,
                                  std::function<std::string()> run_record) {
  std::vector<NewFile> files;
  files.push_back({"grid.csv", [&](const fs::path& path) { write_file(path, grid_csv(result)); }});
  files.push_back(
      {"figures.csv", [&](const fs::path& path) { write_file(path, figures_csv(result)); }});
  if (!result.diagnostics.empty())
    files.push_back({"diagnostics.csv",
                     [&](const fs::path& path) { write_file(path, diagnostics_csv(result)); }});
  if (has_seeds(result))
    files.push_back(
        {"summary.csv", [&](const fs::path& path) { write_file(path, summary_csv(result)); }});
  files.push_back({"grid.npz", [&](const fs::path& path) { write_grid_npz(path, result); }});
  files.push_back({"answers.json", [&](const fs::path& path) {
                     auto json = answers_json(answers);
                     if (!front.empty()) json["pareto"] = front;
                     write_file(path, json.dump(2) + "\n");
                   }});
  if (curves)
    files.push_back(
        {"curves.npz", [&](const fs::path& path) { write_curves_npz(path, result, *curves); }});
  if (!weights.empty())
    files.push_back(
        {"weights.npz", [&](const fs::path& path) { write_weights_npz(path, result, weights); }});
  files.push_back({run_record_name, [run_record = std::move(run_record)](const fs::path& path) {
                     write_file(path, run_record());
                   }});
  return files;
}

}  // namespace gridrun
