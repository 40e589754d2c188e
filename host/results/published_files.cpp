#include "results/published_files.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/durable_file.hpp"
#include "base/file_descriptor.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view version_prefix = "run-";
constexpr const char* new_link = "new";  // a link on its way to its place

/// Throws RunError where a system call failed.
void check(int result, const fs::path& path) {
  if (result != 0)
    throw RunError(fmt::format("{}: cannot write: {}", path_text(path), std::strerror(errno)));
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

/// The N of "run-N".
std::optional<int> version_number(const std::string& name) {
  if (!name.starts_with(version_prefix) || !is_number(name.substr(version_prefix.size())))
    return std::nullopt;
  return std::stoi(name.substr(version_prefix.size()));
}

std::vector<fs::path> entries(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    paths.push_back(entry->path());
  return paths;
}

/// Makes a link appear at `path`, in place of what is there.
void put_link(const fs::path& target, const fs::path& path, const fs::path& hidden) {
  const fs::path link = hidden / new_link;
  ::unlink(link.c_str());
  check(::symlink(target.c_str(), link.c_str()), path);
  check(::rename(link.c_str(), path.c_str()), path);
}

/// A second name for the file at `from`; a copy where the file system has none, or forbids it.
void link_or_copy(const fs::path& from, const fs::path& to) {
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0) return;
  std::error_code error;
  if (!fs::copy_file(from, to, error))
    throw RunError(fmt::format("{}: cannot be copied: {}", path_text(from), error.message()));
  sync_to_disk(to);
}

}  // namespace

PublishedFiles::PublishedFiles(fs::path directory, std::vector<std::string> names)
    : directory_(std::move(directory)),
      names_(std::move(names)),
      hidden_(directory_ / ".gridrun"),
      current_(hidden_ / "current") {}

std::vector<std::string> PublishedFiles::shown() const {
  std::vector<std::string> shown;
  for (const std::string& name : names_) {
    struct stat status {};
    if (::stat((directory_ / name).c_str(), &status) == 0) shown.push_back(name);
  }
  return shown;
}

void PublishedFiles::check_usable() const {
  for (const std::string& name : names_) {
    struct stat status {};
    const fs::path path = directory_ / name;
    if (::lstat(path.c_str(), &status) != 0 || is_link_of_ours(name)) continue;
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
      throw RequestError(
          fmt::format("{}: {} is not a file; move it away, or --output DIR goes "
                      "elsewhere",
                      path_text(directory_), name));
  }
  struct stat hidden {};
  if (::lstat(hidden_.c_str(), &hidden) == 0 && S_ISLNK(hidden.st_mode))
    throw RequestError(
        fmt::format("{}: .gridrun is a link, to what may not be gridrun's; move it away, or "
                    "--output DIR goes elsewhere",
                    path_text(directory_)));
  const FileDescriptor lock = turn();
  const auto try_link = [&] {
    if (!FileDescriptor(directory_, O_RDONLY)) return errno;  // to have the disk keep its names
    if (::mkdir(hidden_.c_str(), 0777) != 0 && errno != EEXIST) return errno;
    const fs::path link = hidden_ / new_link;
    ::unlink(link.c_str());
    return ::symlink("current", link.c_str()) == 0 ? 0 : errno;
  };
  const int error = try_link();
  tidy_locked();
  if (error == EPERM || error == EOPNOTSUPP || error == ENOSYS)
    throw RequestError(
        fmt::format("{}: its file system has no symbolic links, which results "
                    "need; --output DIR goes elsewhere",
                    path_text(directory_)));
  if (error != 0)
    throw RequestError(fmt::format("{}: cannot be written: {}; --output DIR goes elsewhere",
                                   path_text(directory_), std::strerror(error)));
}

void PublishedFiles::publish(const std::vector<NewFile>& files, const FileDescriptor&) const {
  try {
    check(::mkdir(hidden_.c_str(), 0777) != 0 && errno != EEXIST, hidden_);
    const fs::path version = new_version();
    for (const NewFile& file : files) file.write(version / file.name);
    for (const NewFile& file : files) sync_to_disk(version / file.name);
    sync_to_disk(version);
    adopt_plain_files();
    for (const NewFile& file : files) link_name(file.name);  // a new name leads nowhere as yet
    switch_to(version);
    sync_to_disk(directory_);
  } catch (...) {
    tidy_locked();
    throw;
  }
  tidy_locked();
}

FileDescriptor PublishedFiles::turn() const {
  FileDescriptor directory(directory_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory)
    while (::flock(directory.number(), LOCK_EX) != 0 && errno == EINTR) {
    }
  return directory;
}

/// An empty folder, numbered higher than any before it.
fs::path PublishedFiles::new_version() const {
  int last = 0;
  for (const fs::path& path : entries(hidden_))
    last = std::max(last, version_number(path.filename().string()).value_or(0));
  const fs::path version = hidden_ / fmt::format("{}{}", version_prefix, last + 1);
  check(::mkdir(version.c_str(), 0777), version);
  return version;
}

/// Puts links in the place of plain files. The files shown are the same before, between and after.
void PublishedFiles::adopt_plain_files() const {
  const std::vector<std::string> names = shown();
  if (std::all_of(names.begin(), names.end(),
                  [&](const std::string& name) { return is_link_of_ours(name); }))
    return;
  const fs::path version = new_version();
  for (const std::string& name : names) link_or_copy(directory_ / name, version / name);
  sync_to_disk(version);
  switch_to(version);
  for (const std::string& name : names) link_name(name);
}

void PublishedFiles::link_name(const std::string& name) const {
  if (!is_link_of_ours(name))
    put_link(fs::path(".gridrun") / "current" / name, directory_ / name, hidden_);
}

void PublishedFiles::switch_to(const fs::path& version) const {
  struct stat status {};
  // A copy that followed the links has a folder there; the files it shows are plain.
  if (::lstat(current_.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    check(::rename(current_.c_str(), new_version().c_str()), current_);
  put_link(version.filename(), current_, hidden_);
  sync_to_disk(hidden_);
}

bool PublishedFiles::is_link_of_ours(const std::string& name) const {
  std::error_code error;
  return fs::read_symlink(directory_ / name, error) == fs::path(".gridrun") / "current" / name;
}

void PublishedFiles::tidy() const noexcept {
  const FileDescriptor lock = turn();
  tidy_locked();
}

void PublishedFiles::tidy_locked() const noexcept {
  try {
    remove_leftovers();
  } catch (const std::exception&) {  // there is no harm in them
  }
}

void PublishedFiles::remove_leftovers() const {
  std::error_code ignored;
  for (const fs::path& path : entries(hidden_))
    if (path.filename() == new_link ||
        (version_number(path.filename().string()) && !fs::equivalent(path, current_, ignored)))
      fs::remove_all(path, ignored);
  for (const std::string& name : names_) {
    struct stat status {};
    if (is_link_of_ours(name) && ::stat((directory_ / name).c_str(), &status) != 0)
      fs::remove(directory_ / name, ignored);
  }
  for (const fs::path& path : entries(directory_))
    for (const std::string& name : names_) {
      const std::string file = path.filename().string();
      if (file.starts_with(name + ".") && file.ends_with(".partial") &&
          is_number(std::string_view(file).substr(
              name.size() + 1, file.size() - std::min(file.size(), name.size() + 9))))
        fs::remove(path, ignored);
    }
  ::rmdir(hidden_.c_str());  // only where nothing is in it
}

}  // namespace gridrun
