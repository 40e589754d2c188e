#include "results/output_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "results/result_files.hpp"
#include "results/run_record.hpp"
#include "results/store_file.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// What speaks against replacing the files shown, which no store stands behind, by those of a run
/// of this configuration; empty: nothing.
std::string objection(const PublishedFiles& files, const nlohmann::ordered_json& configuration) {
  const std::vector<std::string> shown = files.shown();
  if (shown.empty()) return "";
  if (std::find(shown.begin(), shown.end(), run_record_name) == shown.end())
    return fmt::format("{} is not of a gridrun run, there is no {} beside it", shown.front(),
                       run_record_name);
  try {
    if (is_same_study(configuration_of_run(files.directory() / run_record_name), configuration))
      return "";
  } catch (const RequestError& error) {
    return fmt::format("{} cannot be read: {}", run_record_name, error.what());
  }
  return fmt::format("holds {} of another configuration", run_record_name);
}

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw RequestError(fmt::format("{}: {}; --force replaces it, --output DIR goes elsewhere",
                                 path_text(path), why));
}

}  // namespace

OutputDirectory::OutputDirectory(fs::path path, const nlohmann::ordered_json& configuration,
                                 bool force)
    : lock_(std::move(path)),
      files_(lock_.path(), {std::begin(result_names), std::end(result_names)}),
      force_(force) {
  if (NetworkStore::is_in(lock_.path())) open_old_store();
  if (!force) {
    const std::string why = had_networks_ ? gridrun::objection(notes_of(*store_), configuration)
                                          : objection(files_, configuration);
    if (!why.empty()) refuse(lock_.path(), why);
  }
  files_.check_usable();
}

OutputDirectory::~OutputDirectory() {
  try {
    if (!store_ || had_networks_ || store_->size() != 0 || !files_.shown().empty()) return;
    store_.reset();
    NetworkStore::remove(lock_.path());
  } catch (const std::exception&) {  // an empty store does no harm
  }
}

std::vector<NetworkStore::Held> OutputDirectory::held(const Identity& data) const {
  if (force_ || !had_networks_) return {};
  if (const std::string why = gridrun::objection(notes_of(*store_), data); !why.empty())
    refuse(lock_.path(), why);
  store_->visit([](StoredNetwork&&) {}, false);  // damage is found before anything is trained
  return store_->held();
}

NetworkStore& OutputDirectory::open_store(const Sweep& sweep, const SweepNotes& notes) {
  if (!store_) {
    NetworkStore::remove(lock_.path());
    try {
      store_.emplace(lock_.path(), NetworkStore::Access::write);
    } catch (...) {
      NetworkStore::remove(lock_.path());
      throw;
    }
  }
  if (had_networks_ && !force_)
    note(*store_, notes);
  else
    start(*store_, sweep, notes);
  return *store_;
}

void OutputDirectory::open_old_store() {
  try {
    store_.emplace(lock_.path(), NetworkStore::Access::write);
    had_networks_ = store_->size() != 0;
  } catch (const RequestError&) {
    if (!force_ || !fs::is_regular_file(store_file_in(lock_.path()))) throw;
    store_.reset();
  }
}

void OutputDirectory::publish(const std::vector<NewFile>& files) {
  lock_.check_held();
  if (store_) store_->keep();
  files_.publish(files);
  lock_.keep();
}

}  // namespace gridrun
