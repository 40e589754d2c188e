#include <fmt/format.h>

#include <csignal>
#include <new>

#include "app/choose_engine.hpp"
#include "app/run.hpp"
#include "app/standard_streams.hpp"
#include "app/sweep_commands.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"

namespace {

enum ExitStatus { done = 0, run_failed = 1, request_wrong = 2, stopped = 85 };

void answer(const gridrun::Options& options) {
  if (!options.text.empty())
    gridrun::print(options.text);
  else if (options.list_devices)
    gridrun::print(gridrun::list_devices());
  else if (options.command == gridrun::Command::status)
    gridrun::tell_status(options);
  else if (options.command == gridrun::Command::export_files)
    gridrun::export_files(options);
  else if (options.command == gridrun::Command::merge)
    gridrun::merge(options);
  else
    gridrun::run(options);
}

ExitStatus fail(ExitStatus status, const char* what) {
  gridrun::print_error(fmt::format("gridrun: {}\n", gridrun::escaped(what)));
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  gridrun::open_standard_streams();
  gridrun::spare_address_space();
  // A closed pipe and a file grown too large are errors like a full disk.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    answer(gridrun::parse_command_line(argc, argv));
    gridrun::check_standard_output();
    return done;
  } catch (const gridrun::Stopped& error) {
    return fail(stopped, error.what());
  } catch (const gridrun::RequestError& error) {
    return fail(request_wrong, error.what());
  } catch (const std::bad_alloc&) {
    return fail(run_failed, "out of memory");
  } catch (const std::exception& error) {
    return fail(run_failed, error.what());
  }
}
