#include "run_record.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace gridrun {

std::string run_json(const RunRecord& record, const nlohmann::ordered_json& configuration,
                     const Dataset& dataset) {
  using json = nlohmann::ordered_json;
  json seconds = json::object();
  for (const auto& [stage, time] : record.seconds) seconds[stage] = time;
  const json run{{"gridrun", GRIDRUN_VERSION},
                 {"engine", record.engine},
                 {"device", record.device},
                 {"configuration", configuration},
                 {"dataset", json{{"name", dataset.name},
                                  {"samples", dataset.samples},
                                  {"train_samples", dataset.train_samples},
                                  {"inputs", dataset.inputs},
                                  {"classes", dataset.classes},
                                  {"crc32", fmt::format("{:08x}", dataset.checksum)}}},
                 {"seconds", seconds}};
  return run.dump(2) + "\n";
}

}  // namespace gridrun
