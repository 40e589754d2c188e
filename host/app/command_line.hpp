// The command line of gridrun.
#pragma once

#include <string>
#include <vector>

namespace gridrun {

struct Options {
  std::string config = "digits.toml";
  std::string device = "auto";
  std::string output;  // empty: results/<configuration's name>
  std::vector<std::string> overrides;
  bool force = false;
  bool plot = false;
  bool quiet = false;
  bool verbose = false;
  bool list_devices = false;
  std::string text;  // of --help or --version: to be printed instead of a run
};

/// Throws RequestError with what was not understood.
Options parse_command_line(int argc, const char* const* argv);

}  // namespace gridrun
