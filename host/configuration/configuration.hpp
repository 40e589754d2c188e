// Configuration files (TOML) and `--set KEY=VALUE`, checked.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "gridrun/sweep.hpp"

namespace gridrun {

/// Finds a configuration: as a path first, then among the shipped ones, with or without ".toml".
/// Throws RequestError naming what was looked for and the shipped ones.
std::filesystem::path find_configuration(const std::string& name);

/// Reads a configuration file and applies the overrides ("train.iterations=2000") in order.
/// Throws RequestError naming file and line (or the override) and key, and what was expected.
/// Networks can be, all of them, but where their formats differ in over a million ways: of these
/// network_of() may refuse some.
Sweep read_configuration(const std::filesystem::path& path,
                         const std::vector<std::string>& overrides);

/// The same from a text; `source` stands for the file in messages.
Sweep parse_configuration(const std::string& text, const std::string& source,
                          const std::vector<std::string>& overrides = {});

/// Every key with its value, as run.json keeps it. Keys without a value are left out.
nlohmann::ordered_json to_json(const Sweep& sweep);

/// The sweep of which to_json() made this. Throws RequestError where there is none.
Sweep sweep_of_json(const nlohmann::ordered_json& configuration, const std::string& source);

/// Whether a recorded configuration, whoever wrote it, is this one but for the values of its axes
/// and for what is made of finished networks or beside them: report.metric, tolerance, curves,
/// weights, diagnostics and baseline. Keys that are younger than the record have their defaults
/// there.
bool is_same_study(const nlohmann::ordered_json& recorded,
                   const nlohmann::ordered_json& configuration);

}  // namespace gridrun
