#include "app/sweep_commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "app/publish_sweep.hpp"
#include "app/standard_streams.hpp"
#include "base/counted.hpp"
#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "results/directory_lock.hpp"
#include "results/output_directory.hpp"
#include "results/result_files.hpp"
#include "results/run_record.hpp"
#include "results/sweep_store.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

using json = nlohmann::ordered_json;

/// A store that is read, and the sweep that it is of.
struct ReadSweep {
  explicit ReadSweep(const fs::path& directory)
      : path(directory),
        store(opened(directory)),
        notes(notes_of(store)),
        sweep(sweep_of_json(notes.configuration, (directory / "networks.db").string())) {}

  std::vector<std::uint32_t> units_of_data() const {
    try {
      return {notes.dataset.at("inputs").get<std::uint32_t>(),
              notes.dataset.at("classes").get<std::uint32_t>()};
    } catch (const json::exception&) {
      throw RequestError(fmt::format("{}: networks.db has no notes of its data", path_text(path)));
    }
  }

  Plan plan() const {
    Shard shard;
    if (const auto text = store.note("shard"))
      if (std::sscanf(text->c_str(), "%u/%u", &shard.part, &shard.parts) != 2) shard = {};
    return Plan(sweep, units_of_data(), data_identity(notes), shard, [](const NetworkSpec&) {});
  }

  static NetworkStore opened(const fs::path& directory) {
    if (!NetworkStore::is_in(directory))
      throw RequestError(fmt::format("{}: no networks.db there, expected the directory of a sweep",
                                     path_text(directory)));
    NetworkStore store(directory, NetworkStore::Access::read);
    if (store.is_new())
      throw RequestError(fmt::format("{}: networks.db holds no sweep yet", path_text(directory)));
    return store;
  }

  fs::path path;
  NetworkStore store;
  SweepNotes notes;
  Sweep sweep;
};

std::string line(const char* name, const std::string& text) {
  return fmt::format("{:<11}{}\n", name, text);
}

/// "3 h 25 min", "12 s".
std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::max(0.0, std::round(seconds)));
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min", (whole + 30) / 60);
  if (whole < 48 * 3600) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} days {} h", whole / 86400, whole % 86400 / 3600);
}

Told publish(const ReadSweep& read, const std::function<void(const std::vector<NewFile>&)>& files) {
  const auto text = [&](const Told& told) {
    return run_json({read.notes.engine, read.notes.device, {}, told.networks, told.trained},
                    read.notes.configuration, read.notes.dataset);
  };
  return publish_sweep(read.sweep, read.plan(), read.store, read.units_of_data(), text, files);
}

void print_written(const Told& told, const fs::path& path, bool quiet) {
  if (!quiet)
    print(fmt::format("wrote {} of {} of {} in {}\n", fmt::join(told.written, ", "), told.trained,
                      counted(told.networks, "network"), path_text(path)));
}

/// The values that either axis has: in rising order where they are numbers, else those of `a`
/// first.
Axis united(const Axis& a, const Axis& b) {
  Axis axis = a;
  for (const KeyValue& value : b.values)
    if (std::find(axis.values.begin(), axis.values.end(), value) == axis.values.end())
      axis.values.push_back(value);
  if (std::all_of(axis.values.begin(), axis.values.end(), [](const KeyValue& value) {
        return std::holds_alternative<std::int64_t>(value);
      }))
    std::sort(axis.values.begin(), axis.values.end());
  return axis;
}

/// Whether two runs of one network left the same integers.
bool agree(const StoredNetwork& a, const StoredNetwork& b) {
  return a.right == b.right && a.layers == b.layers && a.weights_digest == b.weights_digest &&
         a.held_out == b.held_out && a.held_out_right == b.held_out_right;
}

/// Adds what `from` has and `to` has not, or has less of. Returns how many that are.
std::size_t take_over(const NetworkStore& from, NetworkStore& to, const fs::path& path) {
  constexpr std::size_t at_once = 1000;
  std::map<std::string, NetworkStore::Held> held;
  for (const NetworkStore::Held& network : to.held()) held.emplace(network.identity, network);
  std::vector<StoredNetwork> networks;
  std::size_t taken = 0;
  const auto add = [&] {
    to.add(networks);
    taken += networks.size();
    networks.clear();
  };
  from.visit(
      [&](StoredNetwork&& network) {
        if (const auto there = held.find(network.identity); there != held.end()) {
          auto mine = to.find(network.identity);
          if (!mine || !agree(*mine, network))
            throw RunError(fmt::format(
                "{}: the network {} was trained to other integers than in the directory to fill: "
                "one of both is wrong",
                path_text(path), network.identity));
          const bool has_more = network.last_steps > there->second.last_steps ||
                                (!network.weights.empty() && !there->second.has_weights) ||
                                (!network.diagnostics.empty() && !there->second.has_diagnostics);
          if (!has_more) return;
          if (network.weights.empty()) network.weights = std::move(mine->weights);
          if (network.diagnostics.empty()) network.diagnostics = std::move(mine->diagnostics);
          if (network.last_steps < mine->last_steps) {
            network.last_steps = mine->last_steps;
            network.last_right = std::move(mine->last_right);
          }
        }
        networks.push_back(std::move(network));
        if (networks.size() == at_once) add();
      },
      true);
  if (!networks.empty()) add();
  return taken;
}

}  // namespace

void tell_status(const Options& options) {
  const fs::path path = options.directories.front();
  const ReadSweep read(path);
  const Plan plan = read.plan();
  std::set<std::uint32_t> not_trained(plan.networks().begin(), plan.networks().end());
  double work_left = 0;
  for (const std::uint32_t network : not_trained) work_left += plan.work_of(network);
  const std::size_t networks = not_trained.size();
  for (const NetworkStore::Held& held : read.store.held())
    if (const auto network = held_network(plan, held, read.sweep))
      if (not_trained.erase(*network) == 1) work_left -= plan.work_of(*network);
  const std::size_t left = not_trained.size();
  std::string text =
      line("networks", fmt::format("{}, {} done, {} left", networks, networks - left, left));
  const std::string holder = DirectoryLock::holder_of(path);
  text += line("running", holder.empty() ? "no" : escaped(holder));
  json progress;
  try {
    progress = json::parse(read.store.note("progress").value_or("{}"));
    const double seconds = progress.value("seconds", 0.0), work = progress.value("work", 0.0);
    const double trained = progress.value("networks", 0.0);
    if (seconds > 0 && trained > 0) {
      text += line("rate", fmt::format("{:.3g} networks a second", trained / seconds));
      if (left != 0) text += line("time left", duration_text(seconds * work_left / work));
    }
    std::vector<std::string> failed;
    for (const auto& engine : progress.value("failed", json::array()))
      failed.push_back(escaped(engine.get<std::string>()));
    text += line("failed", failed.empty() ? "none" : fmt::format("{}", fmt::join(failed, "; ")));
  } catch (const json::exception&) {
    throw RequestError(fmt::format("{}: networks.db has unreadable notes", path_text(path)));
  }
  print(text);
}

void export_files(const Options& options) {
  const fs::path path = options.directories.front();
  const ReadSweep read(path);
  if (!options.output.empty()) {
    if (NetworkStore::is_in(options.output))
      throw RequestError(fmt::format(
          "--output {}: holds a networks.db of its own, expected a directory for files only",
          path_text(options.output)));
    OutputDirectory elsewhere(options.output, read.notes.configuration, false);
    const Told told =
        publish(read, [&](const std::vector<NewFile>& files) { elsewhere.publish(files); });
    return print_written(told, options.output, options.quiet);
  }
  const PublishedFiles files(path, {std::begin(result_names), std::end(result_names)});
  files.check_usable();
  const FileDescriptor turn = files.turn();
  const Told told = publish(read, [&](const std::vector<NewFile>& of) { files.publish(of, turn); });
  print_written(told, path, options.quiet);
}

void merge(const Options& options) {
  const fs::path out = options.directories.front();
  std::vector<ReadSweep> inputs;
  for (std::size_t i = 1; i < options.directories.size(); ++i) {
    const fs::path in = options.directories[i];
    std::error_code missing;
    if (fs::equivalent(in, out, missing))
      throw RequestError(
          fmt::format("{}: is the directory to fill as well, expected others", path_text(in)));
    inputs.emplace_back(in);
  }
  Sweep sweep = inputs.front().sweep;
  const auto unite = [&](const Sweep& other) {
    for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis)
      sweep.axes[axis] = united(sweep.axes[axis], other.axes[axis]);
  };
  for (const ReadSweep& input : inputs) {
    std::string why = objection(inputs.front().notes, input.notes.configuration);
    if (why.empty()) why = objection(inputs.front().notes, data_identity(input.notes));
    if (!why.empty())
      throw RequestError(fmt::format("{}: {} than {}, expected one study", path_text(input.path),
                                     why, path_text(inputs.front().path)));
    unite(input.sweep);
  }
  std::size_t taken = 0;
  {
    OutputDirectory directory(out, inputs.front().notes.configuration, false);
    const Identity data = data_identity(inputs.front().notes);
    if (!directory.held(data).empty()) unite(ReadSweep(out).sweep);
    SweepNotes notes = inputs.front().notes;
    sweep = sweep_of_json(to_json(sweep), path_text(out));
    notes.configuration = to_json(sweep);
    NetworkStore& store = directory.open_store(sweep, notes);
    store.set_note("shard", "1/1");
    for (const ReadSweep& input : inputs) taken += take_over(input.store, store, input.path);
    const Plan plan(sweep, inputs.front().units_of_data(), data, {}, [](const NetworkSpec&) {});
    const auto text = [&](const Told& told) {
      return run_json({notes.engine, notes.device, {}, told.networks, told.trained},
                      notes.configuration, notes.dataset);
    };
    const Told told =
        publish_sweep(sweep, plan, store, inputs.front().units_of_data(), text,
                      [&](const std::vector<NewFile>& files) { directory.publish(files); });
    if (!options.quiet) print(fmt::format("took over {}\n", counted(taken, "network")));
    print_written(told, out, options.quiet);
  }
}

}  // namespace gridrun
