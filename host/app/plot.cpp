#include "app/plot.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/message_text.hpp"
#include "base/shipped_files.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// Runs a program to its end; returns its exit status, or 128 + the signal that ended it.
int status_of(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int error =
          ::posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), ::environ))
    throw RunError(
        fmt::format("{}: cannot be run: {}", path_text(command[0]), std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      throw RunError(fmt::format("{}: {}", path_text(command[0]), std::strerror(errno)));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

fs::path find_plot_script() {
  const fs::path script = shipped_directory().parent_path() / "tools/plot";
  std::error_code unknown;
  if (!fs::exists(script, unknown))
    throw RequestError(fmt::format("--plot: {} is missing", path_text(script)));
  return script;
}

void plot(const fs::path& script, const fs::path& results, bool quiet) {
  std::vector<std::string> command{script.string()};
  if (quiet) command.emplace_back("--quiet");
  command.emplace_back("--");
  command.push_back(results.string());
  const int status = status_of(command);
  if (status == 0) return;
  constexpr int no_interpreter = 127;
  throw RunError(fmt::format(
      "--plot: the run is written in {}, but not its pictures: {}", path_text(results),
      status == no_interpreter ? "they need python3"
                               : fmt::format("tools/plot ended with status {}", status)));
}

}  // namespace gridrun
