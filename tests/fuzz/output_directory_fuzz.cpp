// Output directories in any state: files, folders, links, pipes and stores at every name that
// gridrun knows. A directory is refused and left as it was, or taken, and then holds what was
// stored and shows one whole run.
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configuration/cells.hpp"
#include "configuration/configuration.hpp"
#include "fuzz.hpp"
#include "results/grid_result.hpp"
#include "results/output_directory.hpp"
#include "results/result_files.hpp"
#include "scratch_directory.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 24> places = {"run.json",
                                                "grid.csv",
                                                "grid.npz",
                                                "answers.json",
                                                "curves.npz",
                                                ".gridrun",
                                                ".gridrun.lock",
                                                ".gridrun/current",
                                                ".gridrun/run-1",
                                                ".gridrun/run-1/run.json",
                                                ".gridrun/run-1/grid.csv",
                                                ".gridrun/run-2",
                                                ".gridrun/next",
                                                "grid.csv.123.partial",
                                                "notes.txt",
                                                "folder",
                                                "weights.npz",
                                                "networks.db",
                                                "networks.db-wal",
                                                "networks.db-shm",
                                                "networks.db-journal",
                                                "figures.csv",
                                                "diagnostics.csv",
                                                "summary.csv"};
constexpr std::array<const char*, 8> link_targets = {".gridrun/current/grid.csv",
                                                     ".gridrun/current/run.json",
                                                     "run-1",
                                                     "run-2",
                                                     ".",
                                                     "nowhere",
                                                     "current",
                                                     "../notes.txt"};
constexpr bool is_users(std::string_view place) {
  return place == "notes.txt" || place == "folder";
}
constexpr bool is_store(std::string_view place) { return place.starts_with("networks.db"); }

Sweep sweep_of(const std::string& seeds) {
  return parse_configuration("dataset.name = 'digits'\ngrid.'train.seed' = " + seeds +
                                 "\ngrid.lr = 5\ngrid.fraction = 8\n",
                             "sweep.toml");
}

/// The sweep that is run, and what is kept of it.
const Sweep& sweep() {
  static const Sweep sweep = sweep_of("[1, 2]");
  return sweep;
}
const nlohmann::ordered_json& configuration() {
  static const nlohmann::ordered_json configuration = to_json(sweep());
  return configuration;
}
const std::string& record() {
  static const std::string record =
      nlohmann::ordered_json{{"configuration", configuration()}}.dump();
  return record;
}
const Identity data{1, 2};

SweepNotes notes_for(const Sweep& of, const Identity& of_data) {
  return {to_json(of), {{"identity", text_of(of_data)}}, "cpu", "a processor"};
}

/// The network that a run stores, as that of the first cell.
StoredNetwork network_of_run(int run, const Sweep& of) {
  StoredNetwork network;
  network.identity = text_of({static_cast<std::uint64_t>(run), 0});
  for (const KeyValue& value : Cells(of).values_at(0)) network.axes.emplace_back(value);
  network.figures.assign(all_figures().size(), 0.5);
  network.steps = network.last_steps = 8;
  network.last_right = Bits(8);
  network.layers.resize(1);
  return network;
}

/// What a store of some run's network is made of.
std::string store_of(const Sweep& of, const Identity& of_data) {
  const ScratchDirectory scratch;
  {
    NetworkStore store(scratch.path(), NetworkStore::Access::write);
    start(store, of, notes_for(of, of_data));
    store.add({network_of_run(9, of)});
  }
  return contents_of(scratch.path() / "networks.db");
}

/// A directory of its own for each input.
class State {
 public:
  const fs::path& path() const { return scratch_.path(); }

  /// Puts something at a place, as far as it can be.
  void add(Input& input) const {
    const std::string_view place = places[input.word<std::uint8_t>() % places.size()];
    const fs::path at = path() / place;
    std::error_code cannot;
    const int kind = input.word<std::uint8_t>() % 10;
    // SQLite makes what a link leads to, and takes all beside a store for files.
    if (is_store(place) && (kind == 1 || (kind < 3 && place != "networks.db"))) return;
    switch (kind) {
      case 0:
        fs::create_directories(at, cannot);
        break;
      case 1:
        fs::create_symlink(link_targets[input.word<std::uint8_t>() % link_targets.size()], at,
                           cannot);
        break;
      case 2:
        ::mkfifo(at.c_str(), 0600);
        break;
      case 3:
        write(at, record());
        break;
      case 4:
        write(at, "results");
        break;
      case 5:
        write(at, input.bytes(input.word<std::uint8_t>()));
        break;
      case 6:
        write(at, ours());
        break;
      case 7: {
        std::string damaged = ours();
        damaged[input.word<std::uint16_t>() % damaged.size()] ^=
            static_cast<char>(input.word<std::uint8_t>());
        write(at, damaged);
        break;
      }
      case 8: {
        static const std::string others = store_of(sweep_of("[3]"), {1, 3});
        write(at, others);
        break;
      }
      default: {
        static const std::string other_study =
            store_of(parse_configuration("dataset.name = 'digits'\ntrain.seed = 8\n", ""), data);
        write(at, other_study);
      }
    }
  }

  /// What the directory shows: of each place that is not gridrun's own, its contents and kind.
  /// What SQLite keeps beside a store is its own, and a store without tables is none.
  std::map<std::string, std::string> shown() const {
    std::map<std::string, std::string> all;
    for (const std::string place : places) {
      if (place.starts_with(".gridrun") || place.ends_with(".partial")) continue;
      if (is_store(place) && place != "networks.db") continue;
      std::error_code unknown;
      const auto kind = fs::status(path() / place, unknown).type();
      if (is_users(place) && fs::is_symlink(path() / place, unknown))
        all[place] = fs::read_symlink(path() / place, unknown).string();  // wherever it leads
      else if (kind == fs::file_type::regular && is_store(place) && !has_tables(path() / place))
        continue;
      else if (kind == fs::file_type::regular)
        all[place] = contents_of(path() / place);
      else if (kind != fs::file_type::not_found && kind != fs::file_type::none)
        all[place] = fmt::format("kind {}", static_cast<int>(kind));
    }
    return all;
  }

 private:
  /// A store of the configuration and the data.
  static const std::string& ours() {
    static const std::string ours = store_of(sweep(), data);
    return ours;
  }

  /// Whether there is more in a store than SQLite writes into an empty file, which is one page. It
  /// takes a file of one byte for empty as well.
  static bool has_tables(const fs::path& store) {
    constexpr std::size_t page = 4096;
    const std::string contents = contents_of(store);
    return contents.size() > 1 &&
           !(contents.size() == page && contents.starts_with("SQLite format"));
  }

  static void write(const fs::path& at, std::string_view contents) {
    std::error_code unknown;
    if (fs::is_fifo(at, unknown)) return;  // it would wait for a reader
    std::ofstream(at, std::ios::binary) << contents;
  }

  ScratchDirectory scratch_;
};

/// What a run writes only where it is asked for.
bool is_optional(std::string_view name) {
  return name == "curves.npz" || name == "weights.npz" || name == "diagnostics.csv" ||
         name == "summary.csv";
}

/// The files of a run, which hold its number; run.json is read back.
std::vector<NewFile> files_of(int run, bool all_files) {
  std::vector<NewFile> files;
  for (const std::string name : result_names)
    if (all_files || !is_optional(name))
      files.push_back({name, [=](const fs::path& path) {
                         std::ofstream(path)
                             << (name == run_record_name ? record() : std::to_string(run));
                       }});
  return files;
}

/// Runs once; returns whether the directory was taken and the run's files are shown.
bool run(const State& state, int number, bool all_files, bool force) {
  const auto before = state.shown();
  bool stored = false;
  const auto published = accepted([&] {
    OutputDirectory directory(state.path(), configuration(), force);
    directory.held(data);
    require(state.shown() == before, "a claim changes nothing that is shown");
    NetworkStore& store = directory.open_store(sweep(), notes_for(sweep(), data));
    store.add({network_of_run(number, sweep())});
    stored = true;
    directory.publish(files_of(number, all_files));
    return true;
  });
  const auto after = state.shown();
  if (!published) {
    require(stored || after == before, "what is refused leaves what was there");
    return false;
  }
  for (const std::string name : result_names) {
    const bool expected = all_files || !is_optional(name);
    require(after.contains(name) == expected, "a run's files are shown, and no other's");
    if (expected)
      require(after.at(name) == (name == run_record_name ? record() : std::to_string(number)),
              "each file is of the last run");
  }
  for (const auto& [place, what] : before)
    require(!is_users(place) || (after.contains(place) && after.at(place) == what),
            "what is not gridrun's stays");
  const NetworkStore store(state.path(), NetworkStore::Access::read);
  for (int stored_by = force ? number : 1; stored_by <= number; ++stored_by)
    require(store.find(network_of_run(stored_by, sweep()).identity).has_value(),
            "what was stored is there");
  require(!force || store.size() == 1, "a run that is forced stores anew");
  return true;
}

}  // namespace
}  // namespace gridrun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  Input input(data, size);
  const auto flags = input.word<std::uint8_t>();
  const State state;
  for (int entries = 0; entries < 24 && !input.empty(); ++entries) state.add(input);
  if (!run(state, 1, flags & 1, flags & 2)) return 0;
  require(run(state, 2, flags & 4, false), "a run of the same configuration is taken again");
  return 0;
}
