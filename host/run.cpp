#include "run.hpp"

#include <fmt/format.h>

#include <fmt/ranges.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "answers.hpp"
#include "answers_report.hpp"
#include "chance.hpp"
#include "choose_engine.hpp"
#include "configuration.hpp"
#include "heat_map.hpp"
#include "learning_curves.hpp"
#include "load_dataset.hpp"
#include "output_directory.hpp"
#include "plot.hpp"
#include "progress_bar.hpp"
#include "run_record.hpp"
#include "stop_on_signal.hpp"
#include "terminal.hpp"
#include "write_results.hpp"

namespace gridrun {
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

Outcomes train(Engine& engine, const StagedSweep& staged, Progress& progress, bool quiet) {
  std::optional<ProgressBar> bar;
  if (!quiet && is_terminal(stderr))
    bar.emplace(progress, std::uint64_t{staged.iterations} * staged.networks.size());
  return engine.train(staged, progress);
}

void print_result(const GridResult& result, const Answers& answers) {
  const std::size_t width = terminal_width(stdout);
  fmt::print("{}\n{}\n", heat_map(result, has_colours(stdout), width),
             answers_text(answers, width));
}

void print_seconds(const RunRecord& record) {
  for (const auto& [stage, seconds] : record.seconds)
    fmt::print("{:<10} {:8.3f} s\n", stage, seconds);
}

}  // namespace

void run(const Options& options) {
  const auto config_path = find_configuration(options.config);
  const Sweep sweep = read_configuration(config_path, options.overrides);
  const auto configuration = to_json(sweep);
  const auto plot_script = options.plot ? find_plot_script() : std::filesystem::path();
  const auto engine = choose_engine(options.device);
  OutputDirectory directory(options.output.empty()
                                ? std::filesystem::path("results") / config_path.stem()
                                : std::filesystem::path(options.output),
                            configuration, options.force);

  Progress progress;
  const StopOnSignal stop_on_signal(progress);
  RunRecord record{engine->name(), engine->device(), {}};
  Stopwatch stopwatch;
  const Dataset dataset = load_dataset(sweep, &progress);
  stopwatch.lap(record, "load");
  const StagedSweep staged = stage(sweep, dataset, engine.get());
  stopwatch.lap(record, "stage");
  progress.throw_if_stopped();

  if (!options.quiet) {
    fmt::print("{}: {} networks, {} to {}, {} steps each, on {}: {}\n", dataset.name,
               staged.networks.size(), staged.inputs, staged.outputs, staged.iterations,
               record.engine, record.device);
    std::fflush(stdout);
  }
  const Outcomes outcomes = train(*engine, staged, progress, options.quiet);
  stopwatch.lap(record, "train");
  const GridResult result = summarise(sweep, staged, outcomes);
  const Answers answers = answer(result, sweep.report.tolerance, chance(sweep, staged));
  std::optional<LearningCurves> curves;
  if (sweep.report.curves) curves = learning_curves(sweep, outcomes);
  stopwatch.lap(record, "summarise");
  const auto written = write_results(directory.path(), result, answers, curves, [&] {
    stopwatch.lap(record, "write");
    return run_json(record, configuration, dataset);
  });
  directory.keep();

  if (!options.quiet) {
    print_result(result, answers);
    if (options.verbose) print_seconds(record);
    fmt::print("wrote {} in {}\n", fmt::join(written, ", "), directory.path().string());
  }
  if (options.plot) plot(plot_script, directory.path(), options.quiet);
}

}  // namespace gridrun
