// The files of a sweep, made from its store.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "gridrun/sweep.hpp"
#include "results/network_store.hpp"
#include "results/published_files.hpp"
#include "results/seed_answers.hpp"
#include "results/slices.hpp"
#include "staging/plan.hpp"

namespace gridrun {

/// Tables that answers are given of, at most.
inline constexpr std::size_t most_told = 10'000;

/// What is told of a sweep whose files are written.
struct Told {
  std::size_t networks = 0;          // of the sweep, baselines included
  std::size_t trained = 0;           // of these
  std::size_t tables = 0;            // slices of the grid, whole or not
  std::vector<SeedSlices> slices;    // whole ones; none where there are more than most_told tables
  std::vector<SeedAnswers> answers;  // of each of them
  std::vector<std::string> written;
};

/// Reads what there is of the plan's networks. `run_record` gives the text of run.json from how
/// many networks the sweep has and how many of them are trained; `publish` takes the files.
Told publish_sweep(const Sweep& sweep, const Plan& plan, const NetworkStore& store,
                   const std::vector<std::uint32_t>& units_of_data,
                   const std::function<std::string(const Told&)>& run_record,
                   const std::function<void(const std::vector<NewFile>&)>& publish);

/// Bytes that this takes at most beside the store, for a grid of so many cells.
double publishing_memory_needed(const Sweep& sweep, std::size_t cells, double weights_of_a_network);

}  // namespace gridrun
