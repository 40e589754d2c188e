// One directory, one writer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"

namespace gridrun {

/// Holds a directory for this process against all others that lock it so. The lock is an flock on
/// DIR/.gridrun.lock, a file that says who holds it and that is removed when the lock is let go.
/// The kernel frees the lock of a process that dies.
///
/// The directory is created where it is missing, with those above it. What was created, and is
/// still empty, is removed again before the lock is let go, unless keep() was called.
class DirectoryLock {
 public:
  /// The path means what it means to the kernel: "link/.." is where the link leads, one up.
  /// Throws RequestError naming the holder where there is one, or why the directory cannot be
  /// written.
  explicit DirectoryLock(std::filesystem::path path);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Throws RunError where the directory at the path is no longer the one that was locked: it was
  /// moved or removed, or the lock file was.
  void check_held() const;

  /// Leaves the directory in place, for good.
  void keep();

  /// Who says in a directory that it holds it and, on this machine, is alive; empty: nobody. Takes
  /// no lock.
  static std::string holder_of(const std::filesystem::path& path);

 private:
  enum class Attempt { locked, held, vanished };

  static constexpr const char* lock_name = ".gridrun.lock";

  void acquire();
  int make(const std::filesystem::path& path);  // 0, or the error
  void create(const std::filesystem::path& path);
  Attempt attempt();
  bool is_at_its_path() const;
  std::string holder() const;
  void say_who_holds() const;
  void release();

  std::filesystem::path path_;
  std::filesystem::path lock_path_;
  std::vector<std::filesystem::path> created_;  // outermost first
  FileDescriptor lock_;
  bool locked_ = false;
};

}  // namespace gridrun
