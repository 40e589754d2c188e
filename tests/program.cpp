#include "program.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace gridrun {
namespace {

void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

/// symlink() and symlinkat() fail with EPERM from now on.
void forbid_links() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
#ifdef SYS_symlink
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_symlink, 1, 0),
#endif
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_symlinkat, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    ::_exit(125);
}

void keep_to_one_processor() {
  cpu_set_t allowed, one;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) ::_exit(125);
  CPU_ZERO(&one);
  for (int i = 0; CPU_COUNT(&one) == 0 && i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &allowed)) CPU_SET(i, &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0) ::_exit(125);
}

void redirect(int descriptor, const std::string& file) {
  if (!file.empty()) ::dup2(::open(file.c_str(), O_WRONLY | O_CREAT, 0666), descriptor);
}

[[noreturn]] void become_program(const std::vector<std::string>& arguments,
                                 const ProgramSettings& settings) {
  std::vector<char*> argv = {const_cast<char*>(GRIDRUN_PROGRAM)};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  for (const auto& setting : settings.environment) ::putenv(const_cast<char*>(setting.c_str()));
  redirect(STDOUT_FILENO, settings.out_file);
  redirect(STDERR_FILENO, settings.err_file);
  if (::chdir(settings.directory.c_str()) != 0) ::_exit(126);
  if (settings.largest_file != RLIM_INFINITY) {
    const rlimit limit{settings.largest_file, settings.largest_file};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) std::signal(signal, SIG_DFL);
  for (const int signal : settings.ignored) std::signal(signal, SIG_IGN);
  for (const int descriptor : settings.closed) ::close(descriptor);
  if (settings.address_space != RLIM_INFINITY) {
    const rlimit limit{settings.address_space, settings.address_space};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  if (settings.without_links) forbid_links();
  if (settings.one_processor) keep_to_one_processor();
  constexpr uid_t nobody = 65534;
  if (settings.unprivileged && ::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0))
    ::_exit(125);
  if (settings.traced) ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const ProgramSettings& settings) {
  int out = -1, err = -1;
  pid_t child;
  if (settings.terminal) {
    const winsize size{40, settings.columns, 0, 0};
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
      ::dup2(out_pipe[1], STDOUT_FILENO);
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
      if (settings.interrupt_signal != 0)
        ::kill(child, settings.interrupt_signal);
      else
        ::close(std::exchange(streams[0].fd, -1));
      interrupted = true;
    }
  }
  result.status = wait_for_program(child);
  return result;
}

pid_t start_program(const std::vector<std::string>& arguments, ProgramSettings settings) {
  if (settings.out_file.empty()) settings.out_file = "/dev/null";
  if (settings.err_file.empty()) settings.err_file = "/dev/null";
  const pid_t child = ::fork();
  check(child, "fork");
  if (child == 0) become_program(arguments, settings);
  return child;
}

int wait_for_program(pid_t program) {
  int status = 0;
  ::waitpid(program, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gridrun
