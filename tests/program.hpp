// The gridrun program, run by tests as a user runs it.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <csignal>
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
  std::string err_file;                  // the same of standard error
  std::vector<int> closed;               // descriptors that are closed at the start
  std::vector<int> ignored;              // signals that are ignored at the start
  bool terminal = false;                 // standard output and error are one terminal (in `out`)
  unsigned short columns = 100;          // of the terminal
  rlim_t largest_file = RLIM_INFINITY;   // bytes; writing more fails as a full disk does
  rlim_t address_space = RLIM_INFINITY;  // bytes
  bool without_links = false;            // symbolic links cannot be made, as on FAT
  bool one_processor = false;            // as if the machine had one
  bool unprivileged = false;             // not root, who may write everywhere
  bool traced = false;                   // by the caller: see ptrace(2), PTRACE_TRACEME
  std::string interrupt_after;           // once this was printed,
  int interrupt_signal = SIGINT;         //   this signal is sent; 0: the terminal vanishes instead
};

/// Runs gridrun with arguments to its end.
ProgramResult run_program(const std::vector<std::string>& arguments,
                          const ProgramSettings& settings);

/// Starts gridrun without waiting for it. Its output goes to the files of the settings, else
/// nowhere.
pid_t start_program(const std::vector<std::string>& arguments, ProgramSettings settings);

/// Waits for a started program; returns its exit status, or 128 + the signal that ended it.
int wait_for_program(pid_t program);

}  // namespace gridrun
