// Times the engines on the two studies and on slices of them:
//
//     gridrun_bench [--benchmark_filter=...] [Google Benchmark's other options]
//
// Each sweep is first trained by the reference engine, and an engine that differs from it in one
// bit is not timed: the exit status is then 1. MNIST is found through GRIDRUN_MNIST or data/mnist;
// without it only DIGITS is timed.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/machine.hpp"
#include "base/shipped_files.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "simd_targets.hpp"
#include "staging/stage.hpp"

namespace gridrun {
namespace {

/// A sweep, and what the reference engine makes of it.
struct Subject {
  Dataset dataset;
  StagedSweep staged;
  Outcomes expected;

  Subject(const std::string& configuration, const std::vector<std::string>& overrides) {
    const Sweep sweep = read_configuration(find_configuration(configuration), overrides);
    dataset = load_dataset(sweep);
    staged = stage(sweep, dataset);
    Progress progress;
    expected = ReferenceEngine(processors()).train(staged, progress);
  }
};

bool differed = false;

void time_engine(benchmark::State& state, const Subject& subject, unsigned threads,
                 std::int64_t target) {
  const OnlyTarget only(target);
  CpuEngine engine(threads);
  for (bool first = true; auto _ : state) {
    Progress progress;
    const Outcomes outcomes = engine.train(subject.staged, progress);
    if (!first) continue;
    state.PauseTiming();
    first = false;
    const bool same = outcomes == subject.expected;
    state.ResumeTiming();
    if (!same) {
      differed = true;
      state.SkipWithError("differs from the reference engine");
      break;
    }
  }
  const auto steps = static_cast<double>(subject.staged.iterations) *
                     static_cast<double>(subject.staged.networks.size());
  state.counters["network-steps"] =
      benchmark::Counter(steps, benchmark::Counter::kIsIterationInvariantRate);
}

/// Registers a sweep on one thread and on all, at every SIMD target; the reference runs here.
void add(const std::string& name, const std::string& configuration,
         const std::vector<std::string>& overrides) {
  std::fprintf(stderr, "training %s with the reference engine\n", name.c_str());
  const auto subject = std::make_shared<Subject>(configuration, overrides);
  std::vector<unsigned> thread_counts = {1};
  if (processors() > 1) thread_counts.push_back(processors());
  for (const std::int64_t target : simd_targets())
    for (const unsigned threads : thread_counts)
      benchmark::RegisterBenchmark(
          (name + "/" + hwy::TargetName(target) + "/threads:" + std::to_string(threads)).c_str(),
          [subject, threads, target](benchmark::State& state) {
            time_engine(state, *subject, threads, target);
          })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
}

void add_study(const std::string& name) {
  const std::string configuration = name + ".toml";
  add(name, configuration, {});
  add(name + ", one cell", configuration, {"grid.lr=[10]", "grid.fraction=[16]"});
  add(name + ", one lr", configuration, {"grid.lr=[10]"});
  add(name + ", one fraction", configuration, {"grid.fraction=[16]"});
}

}  // namespace
}  // namespace gridrun

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    gridrun::add_study("digits");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gridrun_bench: %s\n", error.what());
    return 1;
  }
  try {
    gridrun::add_study("mnist");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gridrun_bench: MNIST is left out: %s\n", error.what());
  }
  const bool ran = benchmark::RunSpecifiedBenchmarks() > 0;
  return ran && !gridrun::differed ? 0 : 1;
}
