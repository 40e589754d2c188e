// What a run was: the part of its record that is not its result.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <utility>
#include <vector>

#include "gridrun/dataset.hpp"

namespace gridrun {

struct RunRecord {
  std::string engine;
  std::string device;
  std::vector<std::pair<std::string, double>> seconds;  // of each stage, in their order
};

/// The text of run.json.
std::string run_json(const RunRecord& record, const nlohmann::ordered_json& configuration,
                     const Dataset& dataset);

}  // namespace gridrun
