// What a run was: the part of its record that is not its result.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/class_labels.hpp"
#include "gridrun/dataset.hpp"
#include "gridrun/identity.hpp"

namespace gridrun {

struct RunRecord {
  std::string engine;
  std::string device;
  std::vector<std::pair<std::string, double>> seconds;  // of each stage, in their order
  std::size_t networks = 0;                             // of the grid
  std::size_t trained = 0;                              // of these
};

inline constexpr const char* run_record_name = "run.json";

/// What run.json and a store say of the data. `held_out` samples are held out, in all networks;
/// `labels` are those of the classes, none where they are the numbers of these.
nlohmann::ordered_json dataset_json(const Dataset& dataset, const Identity& identity,
                                    std::size_t held_out,
                                    const std::vector<ClassLabel>& labels = {});

/// The text of run.json.
std::string run_json(const RunRecord& record, const nlohmann::ordered_json& configuration,
                     const nlohmann::ordered_json& dataset);

/// The configuration that a run.json keeps, whoever wrote the file. Throws RequestError with the
/// reason where it is not one, in a few words that do not name the file.
nlohmann::ordered_json configuration_of_run(const std::filesystem::path& path);

}  // namespace gridrun
