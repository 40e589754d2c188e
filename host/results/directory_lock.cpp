#include "results/directory_lock.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>

#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

constexpr const char* elsewhere = "--output DIR goes elsewhere";

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  throw RequestError(fmt::format("{}: cannot be written: {}; {}", path_text(path),
                                 std::strerror(error), elsewhere));
}

std::string host_name() {
  char host[256] = "";
  return ::gethostname(host, sizeof host - 1) == 0 ? host : "this host";
}

/// The line that a lock file holds.
std::string this_process() {
  return fmt::format("process {} on {} since {:%F %T} UTC\n", ::getpid(), host_name(),
                     fmt::gmtime(std::time(nullptr)));
}

std::string first_line(const FileDescriptor& file) {
  char text[512];
  const ssize_t size = ::pread(file.number(), text, sizeof text, 0);
  const std::string_view line(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto end = line.find('\n');
  return end == std::string_view::npos ? "" : std::string(line.substr(0, end));
}

}  // namespace

DirectoryLock::DirectoryLock(fs::path path)
    : path_(path.has_filename() ? std::move(path) : path.parent_path()),
      lock_path_(path_ / lock_name) {
  try {
    acquire();
  } catch (...) {
    release();
    throw;
  }
}

DirectoryLock::~DirectoryLock() { release(); }

void DirectoryLock::acquire() {
  constexpr int most_attempts = 300;
  constexpr auto pause = std::chrono::milliseconds(1);
  for (int attempts = 1;; ++attempts) {
    create(path_);
    const Attempt result = attempt();
    if (result == Attempt::locked) return say_who_holds();
    if (result == Attempt::held) {
      // The holder writes its name after it has the lock: until then the file is empty.
      const std::string name = holder();
      if (!name.empty() || attempts == most_attempts)
        throw RequestError(fmt::format("{}: in use by {}; {}", path_text(path_),
                                       name.empty() ? "another run" : excerpt(name, 200),
                                       elsewhere));
    } else if (attempts == most_attempts) {
      cannot_write(path_, ENOENT);
    }
    std::this_thread::sleep_for(pause);
  }
}

int DirectoryLock::make(const fs::path& path) {
  if (::mkdir(path.c_str(), 0777) != 0) return errno;
  created_.push_back(path);
  return 0;
}

/// Another process may remove at any time what this one finds, or needs: attempt() notices.
void DirectoryLock::create(const fs::path& path) {
  int error = make(path);
  if (error == ENOENT && path.has_parent_path() && path != path.parent_path()) {
    create(path.parent_path());
    error = make(path);
  }
  struct stat status {};
  if (error == 0) return;
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode))
      throw RequestError(fmt::format("{}: not a directory; {}", path_text(path), elsewhere));
  } else if (errno != ENOENT) {
    cannot_write(path_, errno);
  } else if (error != EEXIST && error != ENOENT) {
    cannot_write(path_, error);
  }
}

DirectoryLock::Attempt DirectoryLock::attempt() {
  lock_ = FileDescriptor(lock_path_, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
  if (!lock_) {
    if (errno == ENOENT) return Attempt::vanished;
    cannot_write(path_, errno);
  }
  struct stat status {};
  if (::fstat(lock_.number(), &status) != 0) cannot_write(path_, errno);
  if (!S_ISREG(status.st_mode))  // somebody's, and not to be removed
    throw RequestError(fmt::format("{}: not a file; {}", path_text(lock_path_), elsewhere));
  while (::flock(lock_.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Attempt::held;
    if (errno != EINTR)
      throw RequestError(fmt::format("{}: cannot be locked: {}; {}", path_text(path_),
                                     std::strerror(errno), elsewhere));
  }
  // The one that held it may have removed the file after it was opened here.
  if (!is_at_its_path()) return Attempt::vanished;
  locked_ = true;
  return Attempt::locked;
}

bool DirectoryLock::is_at_its_path() const {
  struct stat here {
  }, there{};
  return ::fstat(lock_.number(), &here) == 0 && ::lstat(lock_path_.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

std::string DirectoryLock::holder() const { return first_line(lock_); }

std::string DirectoryLock::holder_of(const fs::path& path) {
  const FileDescriptor lock(path / lock_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!lock) return "";
  const std::string holder = first_line(lock);
  int process = 0;
  const bool is_here = std::sscanf(holder.c_str(), "process %d on ", &process) == 1 &&
                       holder.find(fmt::format(" on {} since ", host_name())) != std::string::npos;
  if (is_here && ::kill(process, 0) != 0 && errno == ESRCH) return "";
  return holder;
}

void DirectoryLock::say_who_holds() const {
  const std::string text = this_process();
  if (::ftruncate(lock_.number(), 0) != 0) cannot_write(path_, errno);
  const ssize_t written = ::pwrite(lock_.number(), text.data(), text.size(), 0);
  if (written != std::ssize(text)) cannot_write(path_, written < 0 ? errno : ENOSPC);
}

void DirectoryLock::check_held() const {
  if (!is_at_its_path())
    throw RunError(fmt::format(
        "{}: was moved or removed, or its lock, while the run was on; nothing was written",
        path_text(path_)));
}

void DirectoryLock::keep() {
  for (; !created_.empty(); created_.pop_back()) {
    const fs::path above = created_.back().parent_path();
    const FileDescriptor directory(above.empty() ? "." : above, O_RDONLY);
    if (directory) ::fsync(directory.number());  // one may write in it and not read it
  }
}

void DirectoryLock::release() {
  if (locked_ && is_at_its_path()) ::unlink(lock_path_.c_str());
  for (; !created_.empty(); created_.pop_back()) ::rmdir(created_.back().c_str());
  lock_ = FileDescriptor();
}

}  // namespace gridrun
