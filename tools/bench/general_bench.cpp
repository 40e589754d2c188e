// Times the cpu engine on networks beyond the study: hidden layers, narrow words, batches,
// binary64.
//
//     gridrun_general_bench [--benchmark_filter=...] [Google Benchmark's other options]
//
// Before a sweep is timed, some of its networks are trained for some steps by the reference engine
// too, and a difference of one bit ends the program with exit status 1. MNIST is found through
// GRIDRUN_MNIST or data/mnist.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/machine.hpp"
#include "base/parallel.hpp"
#include "base/shipped_files.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "staging/stage.hpp"
#include "tools/bench/multiply_adds.hpp"

namespace gridrun {
namespace {

struct Subject {
  Dataset dataset;
  StagedSweep staged;

  Subject(const std::vector<std::string>& overrides, Arithmetic arithmetic, bool diagnose) {
    const Sweep sweep = read_configuration(find_configuration("mnist.toml"), overrides);
    dataset = load_dataset(sweep);
    staged = stage(sweep, dataset);
    for (NetworkSpec& network : staged.networks) network.arithmetic = arithmetic;
    staged.diagnose = diagnose;
  }

  /// Whether some networks become what the reference engine makes of them in some steps.
  bool is_right(std::uint32_t steps) const {
    constexpr std::size_t some = 5;
    StagedSweep slice = staged;
    slice.iterations = std::min(slice.iterations, steps);
    slice.networks.clear();
    for (std::size_t i = 0; i < some; ++i)
      slice.networks.push_back(staged.networks[i * (staged.networks.size() - 1) / (some - 1)]);
    Progress progress;
    const Outcomes expected = ReferenceEngine(processors()).train(slice, progress);
    return CpuEngine(processors()).train(slice, progress) == expected;
  }
};

/// Multiply-adds of a step, forward, backward and update; inputs of the data that are zero are left
/// out.
double multiply_adds_a_step(const StagedSweep& sweep) {
  const auto& bytes = std::get<0>(sweep.dataset->values);
  const auto zeros = static_cast<double>(std::count(bytes.begin(), bytes.end(), 0));
  const double share = 1 - zeros / static_cast<double>(bytes.size());
  const NetworkSpec& spec = sweep.networks.front();
  double count = 0;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    count += static_cast<double>(spec.weights_of(layer)) * (layer == 0 ? 2 * share : 3);
  return count;
}

void time_engine(benchmark::State& state, const Subject& subject, unsigned threads) {
  for (auto _ : state) {
    Progress progress;
    benchmark::DoNotOptimize(CpuEngine(threads).train(subject.staged, progress));
  }
  const auto steps = static_cast<double>(subject.staged.iterations) *
                     static_cast<double>(subject.staged.networks.size());
  using benchmark::Counter;
  state.counters["thread-seconds a network-step"] =
      Counter(steps / threads, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["multiply-adds"] =
      Counter(steps * multiply_adds_a_step(subject.staged), Counter::kIsIterationInvariantRate);
}

/// The most 16-bit multiply-adds that the processor makes, all operands in registers.
void time_multiply_adds(benchmark::State& state, unsigned threads) {
  constexpr std::size_t rounds = 1 << 22;
  std::atomic<std::size_t> count = 0;
  for (auto _ : state)
    parallel_for(threads, threads, [&](std::size_t) { count += multiply_add(rounds); });
  state.counters["multiply-adds"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsRate);
}

struct Case {
  const char* name;
  std::uint32_t checked_steps;
  std::vector<std::string> overrides;
  Arithmetic arithmetic = Arithmetic::fixed_point;
  bool diagnose = false;
};

const std::vector<std::string> hidden = {"network.layers=[784,100,10]", "init.std='he'",
                                         "init.unit='real'"};
const std::vector<std::string> words_16 = {"precision.bits=16", "precision.overflow='saturate'",
                                           "grid.lr={from=1,to=15}",
                                           "grid.fraction={from=6,to=13}"};

std::vector<std::string> both(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Case> cases() {
  const std::vector<std::string> even = {"precision.round='nearest_even'"};
  const std::vector<std::string> stochastic = {"precision.round='stochastic'"};
  const std::vector<std::string> words_24 = {"precision.bits=24", "train.iterations=1000",
                                             "report.smooth_window=101"};
  const std::vector<std::string> rates = {"grid.lr={from=6,to=9}", "grid.fraction=[16]"};
  const std::vector<std::string> short_run = {"train.iterations=2000"};
  const std::vector<std::string> deep = {"network.layers=[784,1000,1000,10]",
                                         "init.std='he'",
                                         "init.unit='real'",
                                         "precision.bits=16",
                                         "precision.overflow='saturate'",
                                         "grid.lr=[10,12]",
                                         "grid.fraction=[8]",
                                         "train.batch=100",
                                         "train.iterations=4000"};
  return {
      {"784-100-10, 16 bits, nearest_even", 200,
       both(both(both(hidden, words_16), even), short_run)},
      {"784-100-10, 16 bits, stochastic", 200,
       both(both(both(hidden, words_16), stochastic), short_run)},
      {"784-100-10, 16 bits, nearest_even, diagnosed", 200,
       both(both(both(hidden, words_16), even), short_run), Arithmetic::fixed_point, true},
      {"784-100-10, 16 bits, stochastic, diagnosed", 200,
       both(both(both(hidden, words_16), stochastic), short_run), Arithmetic::fixed_point, true},
      {"784-100-10, 24 bits, floor", 200, both(hidden, words_24)},
      {"784-100-10, 24 bits, floor, diagnosed", 200, both(hidden, words_24),
       Arithmetic::fixed_point, true},
      {"784-100-10, 64 bits, floor", 200,
       both(hidden, {"train.iterations=200", "report.smooth_window=101"})},
      {"784-10, 16 bits, nearest_even", 500, both(words_16, even)},
      {"784-10, 16 bits, stochastic", 500, both(words_16, stochastic)},
      {"784-1000-1000-10, 16 bits, batch 100", 100, both(deep, even)},
      {"784-10, binary64", 500, rates, Arithmetic::binary64},
      {"784-100-10, binary64", 500, both(hidden, rates), Arithmetic::binary64},
      {"784-1000-1000-10, binary64, batch 100", 100, deep, Arithmetic::binary64}};
}

}  // namespace
}  // namespace gridrun

int main(int argc, char** argv) {
  using namespace gridrun;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bool differed = false;
  try {
    for (const Case& timed : cases()) {
      const auto threads = processors();
      benchmark::RegisterBenchmark(timed.name,
                                   [timed, threads, &differed](benchmark::State& state) {
                                     static std::string last_name;
                                     static std::shared_ptr<const Subject> last;
                                     if (last_name != timed.name) {
                                       last = std::make_shared<Subject>(
                                           timed.overrides, timed.arithmetic, timed.diagnose);
                                       last_name = timed.name;
                                       if (!last->is_right(timed.checked_steps)) {
                                         differed = true;
                                         last.reset();
                                       }
                                     }
                                     if (last == nullptr)
                                       state.SkipWithError("differs from the reference engine");
                                     else
                                       time_engine(state, *last, threads);
                                   })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark(
        "multiply-adds in registers",
        [](benchmark::State& state) { time_multiply_adds(state, processors()); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
    const bool ran = benchmark::RunSpecifiedBenchmarks() > 0;
    return ran && !differed ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gridrun_general_bench: %s\n", error.what());
    return 1;
  }
}
