// The directory that a sweep leaves its store and its files in.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <optional>

#include "results/directory_lock.hpp"
#include "results/network_store.hpp"
#include "results/published_files.hpp"
#include "results/sweep_store.hpp"

namespace gridrun {

/// Claims a directory before a run starts, for as long as the run lasts, so that a run never fails
/// at its end for a reason that was there at its beginning. What the claim created is removed
/// again unless a network was stored or something was published; what it replaces goes when the
/// first network is stored or something is published.
class OutputDirectory {
 public:
  /// Creates the directory where it is missing, locks it, and checks that it can be written and is
  /// free, or holds networks of the same study (is_same_study), or `force` is set. Throws
  /// RequestError.
  OutputDirectory(std::filesystem::path path, const nlohmann::ordered_json& configuration,
                  bool force);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  const std::filesystem::path& path() const { return lock_.path(); }

  /// The networks that there are of these data, to be kept. Throws RequestError where they are of
  /// others.
  std::vector<NetworkStore::Held> held(const Identity& data) const;

  /// The store with these notes: that of the study, or a new one. Once.
  NetworkStore& open_store(const Sweep& sweep, const SweepNotes& notes);

  /// Shows these files, of result_names, in place of those of the run before. Throws RunError.
  void publish(const std::vector<NewFile>& files);

 private:
  void open_old_store();

  DirectoryLock lock_;
  PublishedFiles files_;
  bool force_;
  bool had_networks_ = false;
  std::optional<NetworkStore> store_;  // none where there is none, or it is of no use
};

}  // namespace gridrun
