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
#include "results/final_weights.hpp"
#include "results/heat_map.hpp"
#include "results/learning_curves.hpp"
#include "results/output_directory.hpp"
#include "results/result_files.hpp"
#include "results/run_record.hpp"
#include "results/slices.hpp"
#include "results/summarise.hpp"
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
  std::vector<Slice> slices;
  std::vector<Answers> answers;  // of each slice
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
  const std::vector<Slice> slices = slices_of(result);
  const Chance by_chance = chance(sweep, staged);
  std::vector<Answers> answers;
  for (const Slice& slice : slices)
    answers.push_back(answer(slice, sweep.report.tolerance, by_chance));
  std::optional<LearningCurves> curves;
  if (sweep.report.curves) curves = learning_curves(sweep, outcomes);
  stopwatch.lap(record, "summarise");
  progress.throw_if_stopped();
  const auto weights = final_weights(staged, outcomes);
  const auto files = result_files(result, answers, curves, weights, [&] {
    stopwatch.lap(record, "write");
    return run_json(record, configuration, staged);
  });
  directory.publish(files);
  std::vector<std::string> written;
  for (const NewFile& file : files) written.push_back(file.name);
  return {slices, answers, record, written};
}

void print_report(const Report& report, const fs::path& output, bool verbose) {
  const std::size_t width = terminal_width(stdout);
  for (std::size_t i = 0; i < report.slices.size(); ++i) {
    if (const std::string held = heading(report.slices[i].held); !held.empty())
      print(fmt::format("{}\n", held));
    print(fmt::format("{}\n{}\n", heat_map(report.slices[i], has_colours(stdout), width),
                      answers_text(report.answers[i], width)));
  }
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
