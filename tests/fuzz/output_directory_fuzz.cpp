// Output directories in any state: files, folders, links and pipes at every name that gridrun
// knows. A directory is refused and left as it was, or taken, and then shows one whole run.
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "results/output_directory.hpp"
#include "results/result_files.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 17> places = {"run.json",
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
                                                "weights.npz"};
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
const nlohmann::ordered_json configuration = {{"lr", 5},
                                              {"grid", nlohmann::ordered_json::object()},
                                              {"report", nlohmann::ordered_json::object()}};
const std::string record = R"({"configuration": {"lr": 5, "grid": {}, "report": {}}})";

/// A directory of its own for each input.
class State {
 public:
  const fs::path& path() const { return scratch_.path(); }

  /// Puts something at a place, as far as it can be.
  void add(Input& input) const {
    const fs::path at = path() / places[input.word<std::uint8_t>() % places.size()];
    std::error_code cannot;
    switch (input.word<std::uint8_t>() % 6) {
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
        write(at, record);
        break;
      case 4:
        write(at, "results");
        break;
      default:
        write(at, input.bytes(input.word<std::uint8_t>()));
    }
  }

  /// What the directory shows: of each place that is not gridrun's own, its contents and kind.
  std::map<std::string, std::string> shown() const {
    std::map<std::string, std::string> all;
    for (const std::string place : places) {
      if (place.starts_with(".gridrun") || place.ends_with(".partial")) continue;
      std::error_code unknown;
      const auto kind = fs::status(path() / place, unknown).type();
      if (is_users(place) && fs::is_symlink(path() / place, unknown))
        all[place] = fs::read_symlink(path() / place, unknown).string();  // wherever it leads
      else if (kind == fs::file_type::regular)
        all[place] = contents_of(path() / place);
      else if (kind != fs::file_type::not_found && kind != fs::file_type::none)
        all[place] = fmt::format("kind {}", static_cast<int>(kind));
    }
    return all;
  }

 private:
  static void write(const fs::path& at, std::string_view contents) {
    std::error_code unknown;
    if (fs::is_fifo(at, unknown)) return;  // it would wait for a reader
    std::ofstream(at, std::ios::binary) << contents;
  }

  ScratchDirectory scratch_;
};

/// What a run writes only where it is asked for.
bool is_optional(std::string_view name) { return name == "curves.npz" || name == "weights.npz"; }

/// The files of a run, which hold its number; run.json is read back.
std::vector<NewFile> files_of(int run, bool all_files) {
  std::vector<NewFile> files;
  for (const std::string name : result_names)
    if (all_files || !is_optional(name))
      files.push_back({name, [=](const fs::path& path) {
                         std::ofstream(path)
                             << (name == run_record_name ? record : std::to_string(run));
                       }});
  return files;
}

/// Runs once; returns whether the directory was taken and the run's files are shown.
bool run(const State& state, int number, bool all_files, bool force) {
  const auto before = state.shown();
  const auto published = accepted([&] {
    OutputDirectory directory(state.path(), configuration, force);
    require(state.shown() == before, "a claim changes nothing that is shown");
    directory.publish(files_of(number, all_files));
    return true;
  });
  const auto after = state.shown();
  if (!published) {
    require(after == before, "what is refused or fails leaves what was there");
    return false;
  }
  for (const std::string name : result_names) {
    const bool expected = all_files || !is_optional(name);
    require(after.contains(name) == expected, "a run's files are shown, and no other's");
    if (expected)
      require(after.at(name) == (name == run_record_name ? record : std::to_string(number)),
              "each file is of the last run");
  }
  for (const auto& [place, what] : before)
    require(!is_users(place) || (after.contains(place) && after.at(place) == what),
            "what is not gridrun's stays");
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
