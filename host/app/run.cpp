#include "app/run.hpp"

#include <fmt/format.h>

#include <fmt/ranges.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/choose_engine.hpp"
#include "app/plot.hpp"
#include "app/progress_bar.hpp"
#include "app/standard_streams.hpp"
#include "app/stop_on_signal.hpp"
#include "app/terminal.hpp"
#include "base/counted.hpp"
#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "results/answers.hpp"
#include "results/answers_report.hpp"
#include "results/chance.hpp"
#include "results/heat_map.hpp"
#include "results/learning_curves.hpp"
#include "results/output_directory.hpp"
#include "results/result_files.hpp"
#include "results/run_record.hpp"
#include "staging/stage.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// Times the stages of a run.
class Stopwatch {
 public:
  /// Ends a stage that began when the last one ended.
  void lap(RunRecord& record, const std::string& stage) {
    const auto now = Clock::now();
    record.seconds.emplace_back(stage, std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
};

/// What is told of a run whose files are written.
struct Report {
  GridResult result;
  Answers answers;
  RunRecord record;
  std::vector<std::string> written;
};

Outcomes train(Engine& engine, const StagedSweep& staged, Progress& progress, bool quiet) {
  std::optional<ProgressBar> bar;
  if (!quiet && has_escape_codes(stderr))
    bar.emplace(progress, std::uint64_t{staged.iterations} * staged.networks.size());
  return engine.train(staged, progress);
}

/// All of a run that a signal can stop: from the claim on the directory to the files in it.
Report write_run(const Sweep& sweep, Engine& engine, const fs::path& output,
                 const Options& options) {
  Progress progress;
  const StopOnSignal stop_on_signal(progress);
  const auto configuration = to_json(sweep);
  OutputDirectory directory(output, configuration, options.force);

  RunRecord record{engine.name(), engine.device(), {}};
  Stopwatch stopwatch;
  const Dataset dataset = load_dataset(sweep, &progress);
  stopwatch.lap(record, "load");
  progress.throw_if_stopped();
  const StagedSweep staged = stage(sweep, dataset, &engine);
  stopwatch.lap(record, "stage");
  progress.throw_if_stopped();

  if (!options.quiet)
    print(fmt::format("{}: {}, {}, {} each, on {}: {}\n", dataset.name,
                      counted(staged.networks.size(), "network"),
                      fmt::join(staged.networks.front().units, " to "),
                      counted(staged.iterations, "step"), record.engine, record.device));
  const Outcomes outcomes = train(engine, staged, progress, options.quiet);
  stopwatch.lap(record, "train");
  const GridResult result = summarise(sweep, staged, outcomes);
  const Answers answers = answer(result, sweep.report.tolerance, chance(sweep, staged));
  std::optional<LearningCurves> curves;
  if (sweep.report.curves) curves = learning_curves(sweep, outcomes);
  stopwatch.lap(record, "summarise");
  progress.throw_if_stopped();
  const auto files = result_files(result, answers, curves, [&] {
    stopwatch.lap(record, "write");
    return run_json(record, configuration, dataset);
  });
  directory.publish(files);
  std::vector<std::string> written;
  for (const NewFile& file : files) written.push_back(file.name);
  return {result, answers, record, written};
}

void print_report(const Report& report, const fs::path& output, bool verbose) {
  const std::size_t width = terminal_width(stdout);
  print(fmt::format("{}\n{}\n", heat_map(report.result, has_colours(stdout), width),
                    answers_text(report.answers, width)));
  if (verbose)
    for (const auto& [stage, seconds] : report.record.seconds)
      print(fmt::format("{:<10} {:8.3f} s\n", stage, seconds));
  print(fmt::format("wrote {} in {}\n", fmt::join(report.written, ", "), path_text(output)));
}

}  // namespace

void run(const Options& options) {
  const auto config_path = find_configuration(options.config);
  const Sweep sweep = read_configuration(config_path, options.overrides);
  const auto plot_script = options.plot ? find_plot_script() : fs::path();
  const auto engine = choose_engine(options.device, sweep);
  const fs::path output =
      options.output.empty() ? fs::path("results") / config_path.stem() : fs::path(options.output);
  const Report report = write_run(sweep, *engine, output, options);
  if (!options.quiet) print_report(report, output, options.verbose);
  if (options.plot) plot(plot_script, output, options.quiet);
}

}  // namespace gridrun
