// Sweeps of three axes, run by the program, and what their directories hold.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <map>
#include <thread>

#include "program.hpp"
#include "results/network_store.hpp"
#include "scratch_directory.hpp"

namespace gridrun {

/// What files of results tell of a sweep but for run.json, which tells the time.
using ResultFiles = std::map<std::string, std::string>;

/// All of a network that its definition decides, as text, by its identity.
using Rows = std::map<std::string, std::string>;

inline std::string text_of_row(const StoredNetwork& network) {
  std::string text =
      fmt::format("steps {} right {} last {} {:x} held out {} {} weights {:x}", network.steps,
                  network.right, network.last_steps, fmt::join(network.last_right.words, ","),
                  network.held_out, network.held_out_right, network.weights_digest);
  for (const double figure : network.figures)
    text += fmt::format(" {:x}", std::bit_cast<std::uint64_t>(figure));
  for (const LayerSums& sums : network.layers)
    text += fmt::format(" {}", static_cast<double>(sums.abs_update));
  for (const auto& layer : network.weights) text += fmt::format(" {}", fmt::join(layer, ","));
  return text;
}

/// Of all networks that a directory's store holds.
inline std::map<std::string, StoredNetwork> networks_in(const std::filesystem::path& directory) {
  std::map<std::string, StoredNetwork> networks;
  NetworkStore(directory, StoreAccess::read)
      .visit(
          [&](StoredNetwork&& network) {
            const std::string identity = network.identity;
            networks[identity] = std::move(network);
          },
          true);
  return networks;
}

inline Rows rows_in(const std::filesystem::path& directory) {
  Rows rows;
  for (const auto& [identity, network] : networks_in(directory))
    rows[identity] = text_of_row(network);
  return rows;
}

inline ResultFiles files_in(const std::filesystem::path& directory) {
  ResultFiles files;
  for (const char* name : {"grid.csv", "grid.npz", "answers.json", "curves.npz", "weights.npz"})
    if (std::filesystem::exists(directory / name)) files[name] = contents_of(directory / name);
  return files;
}

/// The bytes of a directory's store with one bit of a row turned.
inline std::string damaged_store(const std::filesystem::path& directory) {
  constexpr std::size_t longest_row = 300;
  const std::string identity = rows_in(directory).begin()->first, engine = "cpu";
  std::string bytes = contents_of(directory / "networks.db");
  for (std::size_t at = bytes.find(identity); at != std::string::npos;
       at = bytes.find(identity, at + 1)) {  // in the index it is as well, without the rest
    const std::size_t of_engine = bytes.find(engine, at);
    if (of_engine - at > longest_row) continue;
    bytes[of_engine] ^= 4;
    return bytes;
  }
  ADD_FAILURE() << "there is no such row";
  return bytes;
}

/// The networks that grid.csv has.
inline std::size_t networks_shown(const std::filesystem::path& directory) {
  const std::string csv = contents_of(directory / "grid.csv");
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(0, std::count(csv.begin(), csv.end(), '\n') - 1));
}

class SweepRuns : public ::testing::Test {
 protected:
  using Arguments = std::vector<std::string>;

  SweepRuns() {
    settings.directory = scratch.path();
    settings.one_processor = true;  // long sweeps are long on any machine
  }

  /// 36 networks, trained in milliseconds, into "out".
  static Arguments small_sweep(const Arguments& more = {}) {
    return sweep("60", R"(grid."train.seed"={from=1,to=6})", more);
  }

  /// 360 networks in 60 batches, trained in seconds by the slow engine, into "out".
  static Arguments long_sweep(const Arguments& more = {}) {
    return sweep("6000", R"(grid."train.seed"={from=1,to=60})",
                 with({"--device", "reference"}, more));
  }
  static constexpr std::size_t long_networks = 360;

  /// Of options that are given twice, but for --set, the second ones.
  static Arguments with(Arguments arguments, const Arguments& more) {
    for (std::size_t i = 0; i < more.size();
         i += more[i] == "--force" || more[i] == "--verbose" ? 1 : 2) {
      const auto known = std::find(arguments.begin(), arguments.end(), more[i]);
      if (more[i] != "--set" && known != arguments.end()) arguments.erase(known, known + 2);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  ProgramResult run(const Arguments& arguments) const { return run_program(arguments, settings); }

  /// Expects one line on standard error and this status.
  std::string failure(int status, const Arguments& arguments) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.find("gridrun: "), 0U) << result.err;
    return result.err.empty() ? "" : result.err.substr(9, result.err.size() - 10);
  }

  std::filesystem::path out() const { return scratch.path() / "out"; }

  /// Settings of a run that nothing disturbs.
  ProgramSettings calm() const {
    ProgramSettings calm;
    calm.directory = scratch.path();
    return calm;
  }

  /// What a sweep leaves that nothing disturbs, in a directory of its own.
  struct Undisturbed {
    ResultFiles files;
    Rows rows;
  };
  static Undisturbed undisturbed(Arguments arguments) {
    const ScratchDirectory elsewhere(memory_directory());
    ProgramSettings calm;
    calm.directory = elsewhere.path();
    std::replace(arguments.begin(), arguments.end(), std::string("reference"), std::string("cpu"));
    const ProgramResult result = run_program(arguments, calm);
    EXPECT_EQ(result.status, 0) << result.err;
    return {files_in(elsewhere.path() / "out"), rows_in(elsewhere.path() / "out")};
  }

  static void expect_same(const std::filesystem::path& directory, const Undisturbed& expected) {
    EXPECT_TRUE(files_in(directory) == expected.files);
    EXPECT_TRUE(rows_in(directory) == expected.rows);
  }

  /// Networks in the store of a run that may go on; 0: there is none yet.
  static std::size_t stored_in(const std::filesystem::path& directory) {
    try {
      return NetworkStore(directory, StoreAccess::read).size();
    } catch (const std::exception&) {
      return 0;
    }
  }

  /// Waits until a run has stored so many.
  static void wait_for_networks(const std::filesystem::path& directory, std::size_t count) {
    constexpr int most_waits = 30'000;
    for (int waits = 0; waits < most_waits && stored_in(directory) < count; ++waits)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  ScratchDirectory scratch{memory_directory()};
  ProgramSettings settings;

 private:
  static Arguments sweep(const std::string& steps, const std::string& seeds,
                         const Arguments& more) {
    Arguments all = {"--output", "out"};
    for (const std::string& set :
         {"train.iterations=" + steps, std::string("report.smooth_window=51"),
          std::string("grid.lr=[5, 7, 9]"), std::string("grid.fraction=[12, 16]"), seeds})
      all.insert(all.end(), {"--set", set});
    return with(std::move(all), more);
  }
};

}  // namespace gridrun
