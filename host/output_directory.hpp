// The directory that a run leaves its files in.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <vector>

namespace gridrun {

/// Claims a directory before a run starts, so that a run never fails at its end for a reason that
/// was there at its beginning. What the claim created is removed again unless keep() is called.
class OutputDirectory {
 public:
  /// Creates the directory where it is missing and checks that it can be written and is free, or
  /// holds a run of the same configuration, or `force` is set. Throws RequestError.
  OutputDirectory(std::filesystem::path path, const nlohmann::ordered_json& configuration,
                  bool force);
  ~OutputDirectory() { remove_created(); }
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void keep() { created_.clear(); }

 private:
  void claim(const nlohmann::ordered_json& configuration, bool force);
  void remove_created();

  std::filesystem::path path_;
  std::vector<std::filesystem::path> created_;  // outermost first
};

}  // namespace gridrun
