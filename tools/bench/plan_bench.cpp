// Times what comes before a bulk sweep is trained: 10^6 networks of 60 steps on DIGITS, read,
// checked, resolved, hashed and grouped.
//
//     gridrun_plan_bench [Google Benchmark's options]

#include <benchmark/benchmark.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/choose_engine.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "staging/identity.hpp"
#include "staging/plan.hpp"
#include "staging/stage.hpp"

namespace gridrun {
namespace {

Sweep read_bulk() {
  return read_configuration(
      find_configuration("digits.toml"),
      {"train.iterations=60", "report.smooth_window=51", "grid.\"train.seed\"={from=1,to=4167}"});
}

/// A million networks, and what is made of them stage by stage.
struct Bulk {
  Sweep sweep = read_bulk();
  Dataset dataset = load_dataset(sweep);
  Identity data = identity_of(dataset);
  Stager stager{dataset};

  Plan plan() const {
    return Plan(sweep, units_of(dataset), data, {},
                [&](const NetworkSpec& network) { stager.check(network); });
  }
};

void add(const char* name, void (*time)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name, time)->Unit(benchmark::kMillisecond)->Iterations(3);
}

}  // namespace
}  // namespace gridrun

int main(int argc, char** argv) {
  using namespace gridrun;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    static const Bulk bulk;
    static const Plan plan = bulk.plan();
    std::fprintf(stderr, "%zu networks\n", plan.grid_size());
    add("read and check", [](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(read_bulk());
    });
    add("choose engines", [](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(choose_engines("auto", bulk.sweep));
    });
    add("plan", [](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(bulk.plan());
    });
    add("group", [](benchmark::State& state) {
      const auto all = [](std::uint32_t) { return true; };
      for (auto _ : state) benchmark::DoNotOptimize(plan.batches(all, 2e11));
    });
    return benchmark::RunSpecifiedBenchmarks() > 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gridrun_plan_bench: %s\n", error.what());
    return 1;
  }
}
