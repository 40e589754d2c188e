#include "output_directory.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "atomic_file.hpp"
#include "gridrun/error.hpp"
#include "gzip.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// The configuration of the run that a directory holds; null where its run.json is unreadable.
nlohmann::ordered_json configuration_held(const fs::path& directory) {
  try {
    const auto bytes = read_file(directory / "run.json");
    return nlohmann::ordered_json::parse(bytes).at("configuration");
  } catch (const std::exception&) {
    return nullptr;
  }
}

void refuse_other_run(const fs::path& directory, const nlohmann::ordered_json& configuration) {
  for (const char* name : {"run.json", "grid.csv", "grid.npz", "answers.json", "curves.npz"})
    if (fs::exists(directory / name) && configuration_held(directory) != configuration)
      throw RequestError(fmt::format(
          "{}: holds {} of another configuration; --force replaces it, --output DIR goes elsewhere",
          directory.string(), name));
}

}  // namespace

OutputDirectory::OutputDirectory(fs::path path, const nlohmann::ordered_json& configuration,
                                 bool force)
    : path_(std::move(path)) {
  try {
    claim(configuration, force);
  } catch (const fs::filesystem_error& error) {
    remove_created();
    throw RequestError(
        fmt::format("{}: cannot be written: {}", path_.string(), error.code().message()));
  } catch (const RunError& error) {  // the probe could not be written
    remove_created();
    throw RequestError(error.what());
  }
}

void OutputDirectory::claim(const nlohmann::ordered_json& configuration, bool force) {
  std::vector<fs::path> missing;
  for (fs::path p = fs::absolute(path_).lexically_normal(); !fs::exists(p); p = p.parent_path())
    missing.push_back(p);
  if (missing.empty() && !fs::is_directory(path_))
    throw RequestError(fmt::format("{}: not a directory", path_.string()));
  if (!force) refuse_other_run(path_, configuration);
  for (; !missing.empty(); missing.pop_back())
    if (fs::create_directory(missing.back())) created_.push_back(missing.back());
  AtomicFile(path_ / "run.json", [](const fs::path& partial) { write_file(partial, "probe"); });
}

void OutputDirectory::remove_created() {
  std::error_code ignored;
  for (; !created_.empty(); created_.pop_back()) fs::remove(created_.back(), ignored);
}

}  // namespace gridrun
