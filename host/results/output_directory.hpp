// The directory that a run leaves its files in.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

#include "results/directory_lock.hpp"
#include "results/published_files.hpp"

namespace gridrun {

/// Claims a directory before a run starts, for as long as the run lasts, so that a run never fails
/// at its end for a reason that was there at its beginning. What the claim created is removed
/// again unless something was published.
class OutputDirectory {
 public:
  /// Creates the directory where it is missing, locks it, and checks that it can be written and is
  /// free, or holds a run of the same configuration, or `force` is set. Throws RequestError.
  OutputDirectory(std::filesystem::path path, const nlohmann::ordered_json& configuration,
                  bool force);

  const std::filesystem::path& path() const { return lock_.path(); }

  /// Shows these files, of result_names, in place of those of the run before. Throws RunError.
  void publish(const std::vector<NewFile>& files);

 private:
  DirectoryLock lock_;
  PublishedFiles files_;
};

}  // namespace gridrun
