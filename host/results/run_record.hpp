// What a run was: the part of its record that is not its result.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gridrun/staged_sweep.hpp"

namespace gridrun {

struct RunRecord {
  std::string engine;
  std::string device;
  std::vector<std::pair<std::string, double>> seconds;  // of each stage, in their order
};

inline constexpr const char* run_record_name = "run.json";

/// The text of run.json.
std::string run_json(const RunRecord& record, const nlohmann::ordered_json& configuration,
                     const StagedSweep& staged);

/// The configuration that a run.json keeps, whoever wrote the file. Throws RequestError with the
/// reason where it is not one, in a few words that do not name the file.
nlohmann::ordered_json configuration_of_run(const std::filesystem::path& path);

}  // namespace gridrun
