#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace gridrun {
namespace {

void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

[[noreturn]] void become_program(const std::vector<std::string>& arguments,
                                 const ProgramSettings& settings) {
  std::vector<char*> argv = {const_cast<char*>(GRIDRUN_PROGRAM)};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  for (const auto& setting : settings.environment) ::putenv(const_cast<char*>(setting.c_str()));
  if (::chdir(settings.directory.c_str()) != 0) ::_exit(126);
  if (settings.largest_file != RLIM_INFINITY) {
    std::signal(SIGXFSZ, SIG_IGN);  // so that write() fails instead
    const rlimit limit{settings.largest_file, settings.largest_file};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (settings.address_space != RLIM_INFINITY) {
    const rlimit limit{settings.address_space, settings.address_space};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const ProgramSettings& settings) {
  int out = -1, err = -1;
  pid_t child;
  if (settings.terminal) {
    const winsize size{40, 100, 0, 0};
    child = ::forkpty(&out, nullptr, nullptr, &size);
    check(child, "forkpty");
    if (child == 0) become_program(arguments, settings);
  } else {
    int out_pipe[2], err_pipe[2];
    check(::pipe(out_pipe), "pipe");
    check(::pipe(err_pipe), "pipe");
    child = ::fork();
    check(child, "fork");
    if (child == 0) {
      const int target =
          settings.out_file.empty() ? out_pipe[1] : ::open(settings.out_file.c_str(), O_WRONLY);
      ::dup2(target, STDOUT_FILENO);
      ::dup2(err_pipe[1], STDERR_FILENO);
      for (const int end : {out_pipe[0], out_pipe[1], err_pipe[0], err_pipe[1]}) ::close(end);
      become_program(arguments, settings);
    }
    ::close(out_pipe[1]);
    ::close(err_pipe[1]);
    out = out_pipe[0];
    err = err_pipe[0];
  }

  ProgramResult result;
  bool interrupted = settings.interrupt_after.empty();
  pollfd streams[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (::poll(streams, 2, -1) < 0) continue;
    for (pollfd& stream : streams) {
      if (stream.fd < 0 || stream.revents == 0) continue;
      char part[4096];
      const ssize_t got = ::read(stream.fd, part, sizeof part);
      if (got > 0)
        (&stream == streams ? result.out : result.err).append(part, static_cast<std::size_t>(got));
      else
        ::close(std::exchange(stream.fd, -1));  // its end, or EIO from a terminal
    }
    if (!interrupted &&
        (result.out + result.err).find(settings.interrupt_after) != std::string::npos) {
      ::kill(child, SIGINT);
      interrupted = true;
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace gridrun
