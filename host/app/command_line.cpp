#include "app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/message_text.hpp"
#include "configuration/keys.hpp"
#include "configuration/nearest_name.hpp"
#include "gridrun/error.hpp"

namespace gridrun {

Options parse_command_line(int argc, const char* const* argv) {
  Options options;
  CLI::App app{
      "Trains a grid of fixed-point integer networks, one for each learning rate, fraction and\n"
      "word length, exact to the bit.",
      "gridrun"};
  app.set_version_flag("--version", "gridrun " GRIDRUN_VERSION);
  app.add_option("--config", options.config,
                 "Configuration: a file, or a shipped one (digits.toml, mlp.toml, mnist.toml)")
      ->capture_default_str();
  app.add_option("--device", options.device, "auto, cpu, reference, or a GPU's number")
      ->capture_default_str();
  app.add_option("--output", options.output,
                 "Directory of the results [results/<configuration's name>]");
  app.add_option("--set", options.overrides,
                 "KEY=VALUE, repeatable: overrides a key of the configuration")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_flag("--force", options.force, "Replace the run of another configuration");
  app.add_flag("--plot", options.plot,
               "Draw the results with tools/plot (needs Python's matplotlib, numpy and plotly)");
  app.add_flag("--list-devices", options.list_devices, "Print the devices and exit");
  app.footer(keys_as_help());
  auto* quiet = app.add_flag("--quiet", options.quiet, "Print nothing but errors");
  app.add_flag("--verbose", options.verbose, "Print the seconds of each stage")->excludes(quiet);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    options.text = app.help();
  } catch (const CLI::CallForVersion& version) {
    options.text = std::string(version.what()) + "\n";
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options())
      known.push_back("--" + option->get_lnames().front());
    const std::string unknown = app.remaining().front();
    throw RequestError(fmt::format("{}: not expected{}; see gridrun --help", excerpt(unknown),
                                   suggestion(unknown, known)));
  } catch (const CLI::ParseError& error) {
    constexpr std::size_t longest = 200;  // it may quote an argument
    throw RequestError(fmt::format("{}; see gridrun --help", excerpt(error.what(), longest)));
  }
  return options;
}

}  // namespace gridrun
