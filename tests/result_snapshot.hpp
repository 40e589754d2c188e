// Short runs of two configurations, and what a directory shows of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "results/result_files.hpp"
#include "scratch_directory.hpp"

namespace gridrun {

/// The files that a directory shows, by their names; of run.json the configuration only, since the
/// rest tells the time.
using Snapshot = std::map<std::string, std::string>;

/// Runs of a few milliseconds in the directory "out".
class ShortRuns : public ::testing::Test {
 protected:
  struct Short {
    const char* seed;
    bool all_files;  // those too that a run writes only where it is asked for
  };
  static constexpr Short with_all_files{"1", true}, with_fewest_files{"2", false};

  ShortRuns() { settings.directory = scratch.path(); }

  std::filesystem::path output() const { return scratch.path() / "out"; }

  static std::vector<std::string> arguments_of(const Short& run,
                                               std::vector<std::string> more = {}) {
    const std::string asked_for = run.all_files ? "true" : "false";
    for (const std::string& set :
         {std::string("train.iterations=60"), std::string("report.smooth_window=51"),
          std::string("grid.lr=[5, 9]"), std::string("grid.fraction=[12, 16]"),
          std::string("train.seed=") + run.seed, "report.curves=" + asked_for,
          "report.weights=" + asked_for})
      more.insert(more.end(), {"--set", set});
    more.insert(more.end(), {"--output", "out"});
    return more;
  }

  ProgramResult run(const Short& run, std::vector<std::string> more = {}) const {
    return run_program(arguments_of(run, std::move(more)), settings);
  }

  Snapshot snapshot() const { return snapshot_of(output()); }

  static Snapshot snapshot_of(const std::filesystem::path& directory) {
    Snapshot files;
    for (const std::string name : result_names)
      if (std::filesystem::exists(directory / name)) files[name] = contents_of(directory / name);
    if (files.contains(run_record_name)) {
      const auto record = nlohmann::ordered_json::parse(files[run_record_name], nullptr, false);
      EXPECT_TRUE(record.is_object()) << files[run_record_name];
      if (record.is_object())
        files[run_record_name] =
            nlohmann::ordered_json{{"configuration", record["configuration"]}}.dump();
    }
    return files;
  }

  /// What a run shows that nothing disturbs.
  const Snapshot& expected(const Short& run) {
    Snapshot& known = run.all_files ? known_[0] : known_[1];
    if (known.empty()) {
      ProgramSettings calm;
      const ScratchDirectory elsewhere(memory_directory());
      calm.directory = elsewhere.path();
      const ProgramResult result = run_program(arguments_of(run), calm);
      EXPECT_EQ(result.status, 0) << result.err;
      known = snapshot_of(elsewhere.path() / "out");
    }
    return known;
  }

  /// Which of the two left this.
  Short run_of(const Snapshot& files) {
    return files == expected(with_all_files) ? with_all_files : with_fewest_files;
  }

  static std::string describe(const Snapshot& files) {
    std::string text;
    for (const auto& [name, contents] : files)
      text += name + " of " + std::to_string(contents.size()) + " bytes, ";
    return text;
  }

  /// Expects nothing in the directory but what a run leaves.
  void expect_no_leftovers(const Short& run) {
    const std::size_t names = expected(run).size();
    EXPECT_EQ(entries(output()), names + 2) << "its files, networks.db and .gridrun";
    EXPECT_EQ(entries(output() / ".gridrun"), 2U) << "one version and the link to it";
    EXPECT_EQ(entries(output() / ".gridrun" / "current"), names);
  }

  ScratchDirectory scratch{memory_directory()};
  ProgramSettings settings;

 private:
  static std::size_t entries(const std::filesystem::path& directory) {
    std::error_code missing;
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory, missing),
                      std::filesystem::directory_iterator()));
  }

  Snapshot known_[2];
};

}  // namespace gridrun
