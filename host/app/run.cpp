#include "app/run.hpp"

#include <fmt/format.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

#include "app/choose_engine.hpp"
#include "app/plot.hpp"
#include "app/progress_bar.hpp"
#include "app/publish_sweep.hpp"
#include "app/standard_streams.hpp"
#include "app/stop_after.hpp"
#include "app/stop_on_signal.hpp"
#include "app/terminal.hpp"
#include "base/counted.hpp"
#include "base/machine.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "engines/train_batches.hpp"
#include "gridrun/tensor_formats.hpp"
#include "results/answers_report.hpp"
#include "results/chance.hpp"
#include "results/heat_map.hpp"
#include "results/output_directory.hpp"
#include "results/run_record.hpp"
#include "results/store_writer.hpp"
#include "results/summarise.hpp"
#include "results/sweep_store.hpp"
#include "staging/identity.hpp"
#include "staging/input_range.hpp"
#include "staging/planned_networks.hpp"
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

/// "cpu" and "2 threads, AVX2", or of several engines "cuda + cpu" and all of their devices.
std::string joined(const Engines& engines, std::string (Engine::*text)() const) {
  std::vector<std::string> texts;
  for (const auto& engine : engines) texts.push_back((engine.get()->*text)());
  return fmt::format("{}", fmt::join(texts, " + "));
}

/// Trains the batches of a plan into a store.
class Training {
 public:
  Training(const Sweep& sweep, const Engines& engines, const Plan& plan, const Stager& stager,
           const std::vector<std::uint32_t>& units_of_data, NetworkStore& store, Progress& progress)
      : sweep_(sweep),
        engines_(engines),
        plan_(plan),
        stager_(stager),
        axes_(store.axes()),
        progress_(progress),
        summariser_(sweep),
        networks_(sweep, plan, units_of_data),
        writer_(
            store, [this] { return progress_note(); }, [this] { progress_.stop(); }) {}

  /// Throws Interrupted where `progress` was stopped; what was trained is stored then as well.
  void train(std::vector<Batch> batches, bool quiet) {
    BatchTraining training;
    training.networks_of = [&](const std::vector<std::uint32_t>& networks) {
      return networks_of(networks);
    };
    training.stage = [&](std::vector<NetworkSpec> specs) {
      return stager_.stage(std::move(specs), kept_by(sweep_));
    };
    training.begin = [&](const Engine& engine, const StagedSweep&) {
      writer_.start(engine.device());
    };
    training.take = [&](const Engine& engine, const StagedSweep& staged, std::size_t n,
                        std::uint32_t network, Outcome&& outcome) {
      take(engine, staged, n, network, std::move(outcome));
    };
    training.failed = [&](const Engine& engine, const std::string& why) {
      const std::string text = fmt::format("{}: {}", escaped(engine.device()), escaped(why));
      print_error(fmt::format("gridrun: {}; its networks go to the other devices\n", text));
      const std::lock_guard lock(mutex_);
      failed_.push_back(text);
    };
    std::uint64_t steps = 0;
    for (const Batch& batch : batches) steps += batch.steps;
    std::optional<ProgressBar> bar;
    if (!quiet && has_escape_codes(stderr) && steps != 0) bar.emplace(progress_, steps);
    std::exception_ptr ended;
    try {
      train_batches(engines_, std::move(batches), training, progress_);
    } catch (...) {
      ended = std::current_exception();
    }
    writer_.finish();  // if it failed, that is why the training was interrupted
    if (ended) std::rethrow_exception(ended);
  }

  /// Seconds that writing the store took, beside the training.
  double store_seconds() const { return writer_.seconds(); }

 private:
  std::vector<NetworkSpec> networks_of(const std::vector<std::uint32_t>& networks) {
    const std::lock_guard lock(networks_mutex_);
    std::vector<NetworkSpec> specs;
    specs.reserve(networks.size());
    for (const std::uint32_t network : networks) specs.push_back(networks_.at(network));
    return specs;
  }

  void take(const Engine& engine, const StagedSweep& staged, std::size_t n, std::uint32_t network,
            Outcome&& outcome) {
    StoredNetwork stored =
        summariser_.record(staged.networks[n], std::move(outcome),
                           static_cast<std::uint32_t>(staged.held_out.size()), chance_of(staged));
    stored.identity = text_of(plan_.identity_of(network));
    stored.axes = columns_of(axes_, networks_.axes_of(network));
    stored.engine = engine.name();
    stored.device = engine.device();
    writer_.add(std::move(stored));
    const std::lock_guard lock(mutex_);
    ++trained_;
    work_ += plan_.work_of(network);
  }

  /// Computed once a batch, or nearly.
  ChanceLevels chance_of(const StagedSweep& staged) {
    const std::uint64_t hash = staging_hash(staged.networks.front());
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = chance_.find(hash); known != chance_.end()) return known->second;
    }
    const ChanceLevels levels = chance_levels(staged, summariser_.smoothing());
    const std::lock_guard lock(mutex_);
    constexpr std::size_t most = 1000;
    if (chance_.size() == most) chance_.clear();
    return chance_.emplace(hash, levels).first->second;
  }

  std::string progress_note() {
    const std::lock_guard lock(mutex_);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return nlohmann::json{
        {"seconds", seconds}, {"networks", trained_}, {"work", work_}, {"failed", failed_}}
        .dump();
  }

  const Sweep& sweep_;
  const Engines& engines_;
  const Plan& plan_;
  const Stager& stager_;
  const std::vector<StoredAxis> axes_;
  Progress& progress_;
  const Summariser summariser_;
  std::mutex networks_mutex_;
  PlannedNetworks networks_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, ChanceLevels> chance_;  // of a staging
  std::size_t trained_ = 0;
  double work_ = 0;
  std::vector<std::string> failed_;
  StoreWriter writer_;
};

/// Updates of weights that a batch should take: some seconds of an engine's time.
double updates_of_batch(const Engines& engines) {
  const bool has_gpu = std::any_of(engines.begin(), engines.end(),
                                   [](const auto& engine) { return engine->name() == "cuda"; });
  return has_gpu ? 2e12 : 2e11;
}

/// Mixes a number into a hash.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t number) {
  hash = (hash ^ number) * 0x9E3779B97F4A7C15;
  return hash ^ hash >> 32;
}

/// A hash of what of a network decides how much memory its training takes.
std::uint64_t memory_hash(const NetworkSpec& network) {
  std::uint64_t hash = mixed(network.iterations, network.batch);
  hash = mixed(hash, static_cast<std::uint64_t>(network.arithmetic));
  for (const std::uint32_t units : network.units) hash = mixed(hash, units);
  hash = mixed(hash, network.bias);
  for (const Format* format : in_order(network.formats)) {
    hash = mixed(hash, static_cast<std::uint64_t>(format->bits));
    hash = mixed(hash, static_cast<std::uint64_t>(format->fraction));
    hash = mixed(hash, static_cast<std::uint64_t>(format->round));
  }
  return hash;
}

/// Bytes that something takes at most, and what asks for it.
struct MemoryNeeded {
  double bytes = 0;
  std::string cause;
};

/// What training the batches into a store and telling of them takes.
MemoryNeeded memory_needed(const Sweep& sweep, const Engines& engines, const Plan& plan,
                           const Stager& stager, const std::vector<std::uint32_t>& units_of_data,
                           const std::vector<Batch>& batches, const fs::path& output) {
  PlannedNetworks planned(sweep, plan, units_of_data);
  std::vector<double> of_engine(engines.size());
  MemoryNeeded training;
  double weights = 0, row = 0;
  std::size_t networks_to_train = 0;
  std::set<std::uint64_t> looked_at;
  for (const Batch& batch : batches) {
    networks_to_train += batch.networks.size();
    std::vector<NetworkSpec> networks;
    std::uint64_t hash = 0;
    for (const std::uint32_t network : batch.networks) {
      networks.push_back(planned.at(network));
      hash = mixed(hash, memory_hash(networks.back()));
    }
    if (!looked_at.insert(hash).second) continue;
    const StagedSweep staged = stager.without_draws(std::move(networks), kept_by(sweep));
    weights = std::max(weights, staged.weights_bytes());
    row = std::max(row, staged.outcome_bytes());
    for (std::size_t e = 0; e < engines.size(); ++e) {
      if (!engines[e]->why_not(staged.networks.front()).empty()) continue;
      const double bytes = engines[e]->memory_needed(staged) + stager.memory_needed(staged);
      of_engine[e] = std::max(of_engine[e], bytes);
      if (bytes > training.bytes)
        training = {bytes,
                    fmt::format("train.iterations = {}, network.layers = [{}]", staged.iterations,
                                fmt::join(staged.networks.front().units, ", "))};
    }
  }
  double bytes = publishing_memory_needed(sweep, plan.grid_size(), weights);
  std::string cause = training.cause;
  if (bytes > training.bytes)
    cause = sweep.report.weights  ? "report.weights = true"
            : sweep.report.curves ? "report.curves = true"
                                  : "grid";
  for (const double of_one : of_engine) bytes += of_one;
  const auto networks = static_cast<double>(networks_to_train);
  const auto threads = static_cast<unsigned>(engines.size()) + processors();
  if (networks_to_train != 0) bytes += StoreWriter::memory_needed(networks, row, threads);
  bytes += NetworkStore::memory_needed(output, networks * row);
  return {bytes, fmt::format("{}, {}", cause, counted(plan.size(), "network"))};
}

std::string memory_text(double bytes) {
  return bytes < 0x1p30 ? fmt::format("{:.0f} MiB", std::ceil(bytes / 0x1p20))
                        : fmt::format("{:.1f} GiB", bytes / 0x1p30);
}

/// Has the networks of a sweep keep what is held of one of them.
void keep_as_well(const NetworkStore::Held& held, Sweep& sweep) {
  sweep.report.curves = sweep.report.curves || held.last_steps > sweep.report.smooth_window;
  sweep.report.weights = sweep.report.weights || held.has_weights;
  sweep.report.diagnostics = sweep.report.diagnostics || held.has_diagnostics;
}

/// What is about to be done.
std::string announcement(const Dataset& dataset, const Plan& plan, std::size_t done,
                         const NetworkSpec& first, const Sweep& sweep, const Engines& engines,
                         double bytes) {
  const auto is_axis = [&](const std::string& name) {
    return std::any_of(sweep.axes.begin(), sweep.axes.end(),
                       [&](const Axis& axis) { return axis.name == name; });
  };
  std::string text =
      fmt::format("{}: {}", dataset.name, counted(plan.networks().size(), "network"));
  if (plan.networks().size() != plan.size()) text += fmt::format(" of {}", plan.size());
  if (done != 0) text += fmt::format(", {} of them trained before", done);
  if (!is_axis("network.layers")) text += fmt::format(", {}", fmt::join(first.units, " to "));
  if (!is_axis("train.iterations"))
    text += fmt::format(", {} each", counted(first.iterations, "step"));
  return text + fmt::format(", on {}: {}, in {}\n", joined(engines, &Engine::name),
                            joined(engines, &Engine::device), memory_text(bytes));
}

/// A run from the claim on its directory to its files.
class Run {
 public:
  Run(const Sweep& sweep, const Engines& engines, const fs::path& output, const Options& options)
      : sweep_(sweep),
        engines_(engines),
        output_(output),
        options_(options),
        stop_on_signal_(progress_),
        stop_after_(progress_, options.max_seconds) {}

  Told write() {
    try {
      return train_and_publish();
    } catch (const Interrupted&) {
      tell_why_stopped();
    }
  }

  const RunRecord& record() const { return record_; }

 private:
  Told train_and_publish() {
    const auto configuration = to_json(sweep_);
    OutputDirectory directory(output_, configuration, options_.force);
    record_ = {joined(engines_, &Engine::name), joined(engines_, &Engine::device), {}, 0, 0};
    Stopwatch stopwatch;
    DatasetNotes dataset_notes;
    const Dataset dataset = load_dataset(sweep_, &progress_, &dataset_notes);
    stopwatch.lap(record_, "load");
    progress_.throw_if_stopped();
    const Normalise normalise = sweep_.dataset.normalise;
    const Identity data = identity_of(dataset, normalise);
    const auto units = units_of(dataset);
    const Stager stager(dataset, normalise);
    InputRange range;
    std::optional<NetworkSpec> first;
    const Plan plan(sweep_, units, data, options_.shard, [&](const NetworkSpec& network) {
      progress_.throw_if_stopped();
      stager.check(network);
      if (sweep_.report.metric == Metric::test_accuracy && stager.held_out_of(network) == 0)
        throw RequestError(
            "report.metric = \"test_accuracy\": no samples are held out of every network, expected "
            "train.samples = \"train\" and data with a test split, or dataset.test");
      range.add(stager.dataset_of(network), network.formats.input);
      if (!first) first = network;
    });
    std::vector<bool> is_trained(plan.size());
    Sweep to_train = sweep_;  // keeps as well what there is of networks that are trained again
    for (const NetworkStore::Held& held : directory.held(data))
      if (const auto network = held_network(plan, held, sweep_))
        is_trained[*network] = true;
      else if (const auto identity = identity_of_text(held.identity);
               identity && plan.find(*identity))
        keep_as_well(held, to_train);
    auto batches = plan.batches([&](std::uint32_t network) { return !is_trained[network]; },
                                updates_of_batch(engines_));
    const auto done = static_cast<std::size_t>(
        std::count_if(plan.networks().begin(), plan.networks().end(),
                      [&](std::uint32_t network) { return is_trained[network]; }));
    const auto [bytes, cause] =
        memory_needed(to_train, engines_, plan, stager, units, batches, output_);
    require_memory(bytes, cause);
    const std::size_t held_out = stager.held_out_of(*first);
    const auto about_data = dataset_json(dataset, data, held_out, dataset_notes.labels);
    NetworkStore& store =
        directory.open_store(sweep_, {configuration, about_data, record_.engine, record_.device});
    const std::string shard = fmt::format("{}/{}", options_.shard.part, options_.shard.parts);
    if (store.note("shard") != shard) store.set_note("shard", shard);
    stopwatch.lap(record_, "stage");
    progress_.throw_if_stopped();

    if (!options_.quiet) {
      for (const std::string& line : dataset_notes.inferred) print(line + "\n");
      if (const auto warning = range.warning()) print(*warning + "\n");
      print(announcement(dataset, plan, done, *first, sweep_, engines_, bytes));
    }
    std::exception_ptr interrupted;
    Training training(to_train, engines_, plan, stager, units, store, progress_);
    try {
      training.train(std::move(batches), options_.quiet);
    } catch (const Interrupted&) {
      interrupted = std::current_exception();
    }
    stopwatch.lap(record_, "train");
    record_.seconds.emplace_back("store", training.store_seconds());
    trained_ = store.size();
    if (interrupted && trained_ == 0) std::rethrow_exception(interrupted);
    const auto text = [&](const Told& told) {
      record_.networks = told.networks;
      record_.trained = told.trained;
      stopwatch.lap(record_, "write");
      return run_json(record_, configuration, about_data);
    };
    Told told =
        publish_sweep(sweep_, plan, store, units, text, [&](const std::vector<NewFile>& files) {
          stopwatch.lap(record_, "summarise");
          directory.publish(files);
        });
    if (interrupted) std::rethrow_exception(interrupted);
    return told;
  }

  [[noreturn]] void tell_why_stopped() const {
    const std::string kept =
        trained_ == 0
            ? "nothing was written"
            : fmt::format("{} stored, the same command{} goes on",
                          trained_ == 1 ? "1 network is" : fmt::format("{} networks are", trained_),
                          options_.force ? " without --force" : "");
    if (stop_after_.stopped()) throw Stopped("stopped by --max-seconds; " + kept);
    switch (stop_on_signal_.signal()) {
      case SIGTERM:
        throw Stopped("stopped by SIGTERM; " + kept);
      case SIGUSR1:
        throw Stopped("stopped by SIGUSR1; " + kept);
      default:
        throw RunError("interrupted; " + kept);
    }
  }

  const Sweep& sweep_;
  const Engines& engines_;
  const fs::path& output_;
  const Options& options_;
  Progress progress_;
  const StopOnSignal stop_on_signal_;
  const StopAfter stop_after_;
  RunRecord record_;
  std::size_t trained_ = 0;  // in the store, once the run was interrupted
};

void print_report(const Told& told, const RunRecord& record, const fs::path& output, bool verbose,
                  std::size_t smooth_window) {
  constexpr std::size_t most_slices = 32;
  const std::size_t width = terminal_width(stdout);
  for (std::size_t i = 0; i < told.slices.size() && told.slices.size() <= most_slices; ++i) {
    if (const std::string held = heading(told.slices[i].front().held); !held.empty())
      print(fmt::format("{}\n", held));
    const Slice mean = mean_of(told.slices[i]);
    print(heat_map(mean, has_colours(stdout), width) + "\n");
    if (const auto& labels = told.answers[i].labels; !labels.empty())
      print(label_map(mean, labels, width) + "\n");
    print(fmt::format("{}{}\n", answers_text(told.answers[i], width),
                      terms_text(told.answers[i], smooth_window)));
  }
  if (told.slices.size() <= most_slices)
    if (const std::string comparison = comparison_text(told.answers); !comparison.empty())
      print(comparison + "\n");
  if (told.tables > most_told)
    print(fmt::format("{} tables, too many to answer of: grid.csv and networks.db have them\n",
                      told.tables));
  else if (told.slices.empty())
    print(fmt::format("no table is whole yet: {} of {} are trained\n", told.trained,
                      counted(told.networks, "network")));
  if (told.slices.size() > most_slices)
    print(fmt::format("{} tables, too many to show: answers.json tells of each\n",
                      told.slices.size()));
  if (verbose)
    for (const auto& [stage, seconds] : record.seconds)
      print(fmt::format("{:<10} {:8.3f} s\n", stage, seconds));
  print(fmt::format("wrote {} in {}\n", fmt::join(told.written, ", "), path_text(output)));
}

fs::path output_of(const Options& options, const fs::path& config_path) {
  if (!options.output.empty()) return options.output;
  std::string name = config_path.stem().string();
  if (options.shard.parts > 1)
    name += fmt::format("-shard-{}-of-{}", options.shard.part, options.shard.parts);
  return fs::path("results") / name;
}

}  // namespace

void run(const Options& options) {
  const auto config_path = find_configuration(options.config);
  const Sweep sweep = read_configuration(config_path, options.overrides);
  const auto plot_script = options.plot ? find_plot_script() : fs::path();
  const Engines engines = choose_engines(options.device, sweep);
  const fs::path output = output_of(options, config_path);
  Run run(sweep, engines, output, options);
  const Told told = run.write();
  if (!options.quiet)
    print_report(told, run.record(), output, options.verbose, sweep.report.smooth_window);
  if (options.plot) plot(plot_script, output, options.quiet);
}

}  // namespace gridrun
