#include "results/output_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "results/result_files.hpp"
#include "results/run_record.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// What speaks against replacing the files shown by a run of this configuration; empty: nothing.
std::string objection(const PublishedFiles& files, const nlohmann::ordered_json& configuration) {
  const std::vector<std::string> shown = files.shown();
  if (shown.empty()) return "";
  if (std::find(shown.begin(), shown.end(), run_record_name) == shown.end())
    return fmt::format("{} is not of a gridrun run, there is no {} beside it", shown.front(),
                       run_record_name);
  try {
    if (is_same_run(configuration_of_run(files.directory() / run_record_name), configuration))
      return "";
  } catch (const RequestError& error) {
    return fmt::format("{} cannot be read: {}", run_record_name, error.what());
  }
  return fmt::format("holds {} of another configuration", run_record_name);
}

}  // namespace

OutputDirectory::OutputDirectory(fs::path path, const nlohmann::ordered_json& configuration,
                                 bool force)
    : lock_(std::move(path)),
      files_(lock_.path(), {std::begin(result_names), std::end(result_names)}) {
  if (!force)
    if (const std::string why = objection(files_, configuration); !why.empty())
      throw RequestError(fmt::format("{}: {}; --force replaces it, --output DIR goes elsewhere",
                                     path_text(lock_.path()), why));
  files_.check_usable();
}

void OutputDirectory::publish(const std::vector<NewFile>& files) {
  lock_.check_held();
  files_.publish(files);
  lock_.keep();
}

}  // namespace gridrun
