// The files that a directory shows: all of one run, at every instant.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"

namespace gridrun {

/// A file to be published: its name, and what fills a new file at the path that it is given.
struct NewFile {
  std::string name;
  std::function<void(const std::filesystem::path&)> write;
};

/// The published files of a directory. Who changes them holds a flock on the directory itself
/// while it does, on file systems that have that: a run, and an export from the store of a run that
/// goes on.
///
/// DIR/grid.csv, as each published name, is a link to .gridrun/current/grid.csv;
/// DIR/.gridrun/current is a link to run-2, say, a version: the folder of one run's files.
/// A new link is renamed over `current`: all files change at once.
///
/// All links are relative, so that the directory can be moved, copied and packed. Plain files in
/// the names' places, of an older gridrun or of a copy that followed the links, are taken as a
/// version first. Nothing else in the directory is touched.
class PublishedFiles {
 public:
  /// Of `names`, those that may be published there.
  PublishedFiles(std::filesystem::path directory, std::vector<std::string> names);

  const std::filesystem::path& directory() const { return directory_; }

  /// The names that show something, in their order.
  std::vector<std::string> shown() const;

  /// Throws RequestError where the directory cannot hold links, or something that is not a file
  /// stands at a name.
  void check_usable() const;

  /// Waits until nobody changes the files. While what it returns lives, nobody else does: what is
  /// read of a store meanwhile is no older than what is shown.
  FileDescriptor turn() const;

  /// Removes what runs that died left: versions that are not current, links to nothing, and the
  /// NAME.PID.partial of older gridruns. What cannot be removed stays.
  void tidy() const noexcept;

  /// Writes the files as a new version and shows it in place of what is shown: `names` that are
  /// not among them disappear. Returns when the disk keeps it. Whatever fails, with RunError or by
  /// what `write` throws, what was shown before is shown still; unless the disk fails at the very
  /// last, when it is to keep the switch.
  void publish(const std::vector<NewFile>& files) const { publish(files, turn()); }
  void publish(const std::vector<NewFile>& files, const FileDescriptor& turn) const;

 private:
  std::filesystem::path new_version() const;
  void adopt_plain_files() const;
  void link_name(const std::string& name) const;
  void switch_to(const std::filesystem::path& version) const;
  bool is_link_of_ours(const std::string& name) const;
  void tidy_locked() const noexcept;
  void remove_leftovers() const;

  std::filesystem::path directory_;
  std::vector<std::string> names_;
  std::filesystem::path hidden_;   // DIR/.gridrun
  std::filesystem::path current_;  // DIR/.gridrun/current
};

}  // namespace gridrun
