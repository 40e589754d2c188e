// The command line of gridrun.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "staging/plan.hpp"

namespace gridrun {

enum class Command { run, status, export_files, merge };

struct Options {
  Command command = Command::run;
  std::vector<std::string> directories;  // of a command but run: the one it is about, for merge the
                                         // one to fill, and then those to take from
  std::string config = "digits.toml";
  std::string device = "auto";
  std::string output;  // empty: results/<configuration's name>, for a shard with -shard-I-of-N; of
                       // an export, where its store is
  std::vector<std::string> overrides;
  Shard shard;
  std::optional<double> max_seconds;
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
