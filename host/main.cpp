#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "choose_engine.hpp"
#include "gridrun/error.hpp"
#include "message_text.hpp"
#include "run.hpp"

namespace {

enum ExitStatus { done = 0, run_failed = 1, request_wrong = 2 };

void answer(const gridrun::Options& options) {
  if (!options.text.empty())
    fmt::print("{}", options.text);
  else if (options.list_devices)
    fmt::print("{}", gridrun::list_devices());
  else
    gridrun::run(options);
}

/// What was printed may not have reached its file: a full disk shows only here.
void flush_standard_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw gridrun::RunError(
        fmt::format("standard output: cannot write: {}", std::strerror(errno ? errno : EIO)));
}

ExitStatus fail(ExitStatus status, const char* what) {
  fmt::print(stderr, "gridrun: {}\n", gridrun::escaped(what));
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error like a full disk
  try {
    answer(gridrun::parse_command_line(argc, argv));
    flush_standard_output();
    return done;
  } catch (const gridrun::RequestError& error) {
    return fail(request_wrong, error.what());
  } catch (const std::bad_alloc&) {
    return fail(run_failed, "out of memory");
  } catch (const std::exception& error) {
    return fail(run_failed, error.what());
  }
}
