#include "app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "base/message_text.hpp"
#include "configuration/keys.hpp"
#include "configuration/nearest_name.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

/// Of "I/N".
Shard parse_shard(const std::string& text) {
  constexpr std::uint32_t most = 1'000'000;
  Shard shard{0, 0};
  const char* const end = text.data() + text.size();
  const auto [slash, error] = std::from_chars(text.data(), end, shard.part);
  if (error == std::errc() && slash != end && *slash == '/') {
    const auto [last, wrong] = std::from_chars(slash + 1, end, shard.parts);
    if (wrong == std::errc() && last == end && shard.part >= 1 && shard.part <= shard.parts &&
        shard.parts <= most)
      return shard;
  }
  throw RequestError(
      fmt::format("--shard {}: expected I/N, the I-th of N parts, as in 1/4", excerpt(text)));
}

}  // namespace

Options parse_command_line(int argc, const char* const* argv) {
  Options options;
  CLI::App app{
      "Trains a grid of fixed-point integer networks, exact to the bit, and goes on with what is\n"
      "not yet trained when it is started again.",
      "gridrun"};
  app.set_version_flag("--version", "gridrun " GRIDRUN_VERSION);
  app.add_option("--config", options.config,
                 "Configuration: a file, or a shipped one (digits.toml, mnist.toml, mlp.toml, "
                 "gupta.toml, bulk.toml)")
      ->capture_default_str();
  app.add_option("--device", options.device,
                 "auto, cpu, reference, a GPU's number, several as in 0,1,cpu, or all GPUs")
      ->capture_default_str();
  app.add_option("--output", options.output,
                 "Directory of the results [results/<configuration's name>]");
  app.add_option("--set", options.overrides,
                 "KEY=VALUE, repeatable: overrides a key of the configuration")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_flag("--force", options.force, "Start anew, whatever the directory holds");
  std::string shard;
  app.add_option("--shard", shard, "I/N: do the I-th of N parts of the networks");
  app.add_option("--max-seconds", options.max_seconds,
                 "Stop after so long, with exit status 85: the same command goes on");
  app.add_flag("--plot", options.plot,
               "Draw the results with tools/plot (needs Python's matplotlib and numpy)");
  app.add_flag("--list-devices", options.list_devices, "Print the devices and exit");
  app.footer(keys_as_help());
  auto* quiet = app.add_flag("--quiet", options.quiet, "Print nothing but errors");
  app.add_flag("--verbose", options.verbose, "Print the seconds of each stage")->excludes(quiet);
  CLI::App* status = app.add_subcommand("status", "Tell how far the sweep in a directory is");
  CLI::App* exporting =
      app.add_subcommand("export", "Make the files of what is trained, also while a sweep runs");
  CLI::App* merge =
      app.add_subcommand("merge", "Put the networks of other directories into the first");
  std::string directory, output;
  std::vector<std::string> inputs;
  for (CLI::App* command : {exporting, merge})
    command->add_flag("--quiet", options.quiet, "Print nothing but errors");
  for (CLI::App* command : {status, exporting})
    command->add_option("DIR", directory, "Directory of a sweep")->required();
  exporting->add_option("--output", output, "Directory of the files [DIR]");
  merge->add_option("OUT", directory, "Directory to fill, new or of the same study")->required();
  merge->add_option("IN", inputs, "Directories of sweeps, or of their shards")->required();
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
    if (!shard.empty()) options.shard = parse_shard(shard);
    if (options.max_seconds && !(*options.max_seconds > 0))
      throw RequestError(
          fmt::format("--max-seconds {}: expected a number above 0", *options.max_seconds));
    if (*status || *exporting || *merge) {
      for (const CLI::Option* option : app.get_options())
        if (option->count() != 0)
          throw RequestError(fmt::format("--{}: expected without status, export and merge",
                                         option->get_lnames().front()));
      options.command = *status ? Command::status : *merge ? Command::merge : Command::export_files;
      options.directories.push_back(directory);
      options.directories.insert(options.directories.end(), inputs.begin(), inputs.end());
      options.output = output;
    }
  } catch (const CLI::CallForHelp&) {
    options.text = app.help();
  } catch (const CLI::CallForVersion& version) {
    options.text = std::string(version.what()) + "\n";
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> known;
    const auto chosen = app.get_subcommands();
    for (const CLI::Option* option : (chosen.empty() ? &app : chosen.front())->get_options())
      if (!option->get_lnames().empty()) known.push_back("--" + option->get_lnames().front());
    const std::string unknown = app.remaining(true).front();
    throw RequestError(fmt::format("{}: not expected{}; see gridrun --help", excerpt(unknown),
                                   suggestion(unknown, known)));
  } catch (const CLI::ParseError& error) {
    constexpr std::size_t longest = 200;  // it may quote an argument
    throw RequestError(fmt::format("{}; see gridrun --help", excerpt(error.what(), longest)));
  }
  return options;
}

}  // namespace gridrun
