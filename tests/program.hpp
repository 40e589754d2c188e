// The gridrun program, run by tests as a user runs it.
#pragma once

#include <sys/resource.h>

#include <filesystem>
#include <string>
#include <vector>

namespace gridrun {

struct ProgramResult {
  int status = -1;  // exit status, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

struct ProgramSettings {
  std::filesystem::path directory;       // to run in
  std::vector<std::string> environment;  // "NAME=VALUE", beside the test's own
  std::string out_file;                  // standard output goes there instead of into the result
  bool terminal = false;                 // standard output and error are one terminal (in `out`)
  rlim_t largest_file = RLIM_INFINITY;   // bytes; writing more fails as a full disk does
  rlim_t address_space = RLIM_INFINITY;  // bytes
  std::string interrupt_after;           // SIGINT is sent once this was printed
};

/// Runs gridrun with arguments to its end.
ProgramResult run_program(const std::vector<std::string>& arguments,
                          const ProgramSettings& settings);

}  // namespace gridrun
