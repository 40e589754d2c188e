// Times the CUDA kernels: the MNIST study with each way of dealing out lanes and diagnosed, a bulk
// sweep, and networks of other formats and layers.
// What is timed was compared before: with every shape to the byte, and with a golden table if one
// is given; networks in general with the cpu engine.
//
//   kernel_bench [--device N] [--mnist DIRECTORY] [--golden FILE] [--repeats N] [--bulk GRIDS]
//
// Prints a table; exit status 0 when all agree, 1 when something fell short, 2 for wrong usage.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/machine.hpp"
#include "batched_engine.hpp"
#include "configuration/configuration.hpp"
#include "cuda_device.hpp"
#include "cuda_engine.hpp"
#include "data/load_dataset.hpp"
#include "engines/cpu/cpu_engine.hpp"
#include "gridrun/error.hpp"
#include "results/summarise.hpp"
#include "staging/stage.hpp"
#include "train_plan.hpp"

namespace {

using namespace gridrun;
using cuda::BatchedEngine;
using cuda::Shape;

struct Options {
  int device = 0;
  std::string mnist;
  std::string golden;
  int repeats = 5;
  int bulk = 100;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw RequestError("kernel_bench: " + name + ": expected a value after it");
    const std::string value = argv[i + 1];
    if (name == "--device")
      options.device = std::atoi(value.c_str());
    else if (name == "--mnist")
      options.mnist = value;
    else if (name == "--golden")
      options.golden = value;
    else if (name == "--repeats")
      options.repeats = std::max(5, std::atoi(value.c_str()));
    else if (name == "--bulk")
      options.bulk = std::max(1, std::atoi(value.c_str()));
    else
      throw RequestError("kernel_bench: " + name +
                         ": expected --device, --mnist, --golden, --repeats or --bulk");
  }
  return options;
}

/// Weights that a forward pass visits in all: one for each non-zero input, neuron and step.
double weight_visits(const StagedSweep& sweep) {
  double visits = 0;
  std::vector<double> of_fraction(static_cast<std::size_t>(max_fraction) + 1, -1.0);
  for (const NetworkSpec& network : sweep.networks) {
    const int fraction = network.formats.input.fraction;
    double& nonzeros = of_fraction[static_cast<std::size_t>(fraction)];
    if (nonzeros < 0) {
      nonzeros = 0;
      for (std::uint32_t i = 0; i < sweep.iterations; ++i)
        for (std::size_t k = 0; k < sweep.inputs(); ++k)
          nonzeros += quantise(sweep.dataset->input(sweep.sample_of_step(i), k), fraction) != 0;
    }
    visits += nonzeros * static_cast<double>(sweep.outputs());
  }
  return visits;
}

bool close(double got, double expected, double absolute, double relative) {
  return std::abs(got - expected) <= std::max(absolute, relative * std::abs(expected));
}

std::vector<CellResult> figures(const Sweep& sweep, const StagedSweep& staged,
                                const Outcomes& outcomes) {
  const Summariser summariser(sweep);
  std::vector<CellResult> cells;
  for (std::size_t n = 0; n < outcomes.size(); ++n)
    cells.push_back(summariser.figures(staged.networks[n], outcomes[n], 0));
  return cells;
}

/// Cells that differ from `lr,fraction,accuracy,mean_update,mean_error` rows by more than 1e-10 in
/// accuracy or a relative 1e-12 in the means.
int cells_off(const std::vector<CellResult>& cells, const std::string& file) {
  std::ifstream table(file);
  if (!table) throw RunError(file + ": cannot be read");
  std::string line;
  std::getline(table, line);
  int off = 0;
  std::size_t cell = 0;
  for (; std::getline(table, line); ++cell) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    double lr = 0, fraction = 0, accuracy = 0, update = 0, error = 0;
    fields >> lr >> fraction >> accuracy >> update >> error;
    if (cell >= cells.size()) return off + 1;
    const CellResult& got = cells[cell];
    if (!close(got.accuracy, accuracy, 1e-10, 0) || !close(got.mean_update, update, 0, 1e-12) ||
        !close(got.mean_error, error, 0, 1e-12))
      ++off;
  }
  return off + static_cast<int>(cells.size() - cell);
}

/// So many times the same elements.
template <typename Element>
void repeat(std::vector<Element>& elements, int times) {
  const std::size_t count = elements.size();
  elements.reserve(count * static_cast<std::size_t>(times));
  for (std::size_t i = count; i < count * static_cast<std::size_t>(times); ++i)
    elements.push_back(elements[i - count]);
}

/// The median of the device's seconds over `repeats` trainings after one that warms up.
double median_seconds(BatchedEngine& engine, const StagedSweep& sweep, int repeats) {
  std::vector<double> seconds;
  for (int i = 0; i <= repeats; ++i) {
    Progress progress;
    engine.train(sweep, progress);
    if (i > 0) seconds.push_back(engine.record().kernel_seconds);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

/// One row: time, visits a second, and what share that is of one load of 32 weights for each cycle
/// and multiprocessor, which is what shared memory can serve at most.
void print_row(const std::string& what, double seconds, double visits,
               const cuda::DeviceLimits& limits, const std::string& verdict) {
  const double most = limits.clock * limits.multiprocessors * cuda::warp_lanes;
  fmt::print("{:<34} {:>10.3f} {:>12.2f} {:>10.1f} %  {}\n", what, seconds * 1e3,
             visits / seconds * 1e-9, 100 * visits / seconds / most, verdict);
}

/// Products of a forward pass of all networks and steps with inputs that are not zero; in hidden
/// layers all are taken for such.
double products(const StagedSweep& sweep) {
  double nonzeros = 0;
  for (std::uint32_t i = 0; i < sweep.iterations; ++i)
    for (std::size_t k = 0; k < sweep.inputs(); ++k)
      nonzeros += sweep.dataset->input(sweep.sample_of_step(i), k) != 0;
  const NetworkSpec& spec = sweep.networks.front();
  double all = nonzeros * spec.units[1];
  for (std::size_t layer = 1; layer < spec.layers(); ++layer)
    all += 1.0 * sweep.iterations * spec.units[layer] * spec.units[layer + 1];
  return all * static_cast<double>(sweep.networks.size());
}

struct GeneralCase {
  std::string name;
  std::vector<std::string> overrides;
  int grids = 1;  // of the same networks; where more, also without any trained beside each other
};

const std::string short_grid = "grid.lr={from = 6, to = 11}",
                  few_fractions = "grid.fraction={from = 10, to = 13}";
const std::vector<GeneralCase> general_cases = {
    {"784-100-10, 16 bits, nearest",
     {"network.layers=[784, 100, 10]", "precision.round='nearest_even'"}},
    {"784-100-10, 16 bits, stochastic",
     {"network.layers=[784, 100, 10]", "precision.round='stochastic'"}},
    {"784-100-10, 24 bits, floor, wrap",
     {"network.layers=[784, 100, 10]", "precision.bits=24", "precision.overflow='wrap'"}},
    {"784-10, 16 bits, nearest", {"network.layers=[784, 10]", "precision.round='nearest_even'"}},
    {"784-1000-1000-10, 16 bits, nearest",
     {"network.layers=[784, 1000, 1000, 10]", "precision.round='nearest_even'", short_grid,
      few_fractions, "train.iterations=1000"}},
    {"the same in batches of 100",
     {"network.layers=[784, 1000, 1000, 10]", "precision.round='nearest_even'", short_grid,
      few_fractions, "train.iterations=1000", "train.batch=100"}},
    {"the same, stochastic",
     {"network.layers=[784, 1000, 1000, 10]", "precision.round='stochastic'", short_grid,
      few_fractions, "train.iterations=1000", "train.batch=100"}},
    {"the same in 8 bits",
     {"network.layers=[784, 1000, 1000, 10]", "precision.round='nearest_even'", short_grid,
      "grid.fraction={from = 3, to = 6}", "precision.bits=8", "train.iterations=1000",
      "train.batch=100"}},
    {"the same in 64 bits",
     {"network.layers=[784, 1000, 1000, 10]", "precision.round='nearest_even'", short_grid,
      few_fractions, "precision.bits=64", "train.iterations=1000", "train.batch=100"}},
    {"784-100-10, 16 bits, batches of 10",
     {"network.layers=[784, 100, 10]", "precision.round='nearest_even'", "train.batch=10"}},
    {"784-100-10, nearest, 8 grids",
     {"network.layers=[784, 100, 10]", "precision.round='nearest_even'", "train.iterations=1000"},
     8},
    {"784-100-10, stochastic, 8 grids",
     {"network.layers=[784, 100, 10]", "precision.round='stochastic'", "train.iterations=1000"},
     8},
    {"784-100-10, 24 bits, 8 grids",
     {"network.layers=[784, 100, 10]", "precision.bits=24", "precision.overflow='wrap'",
      "train.iterations=1000"},
     8},
};

/// Networks that are not the study's. Returns whether all agree with the cpu engine.
bool bench_general(const Options& options, const cuda::DeviceLimits& limits) {
  bool all_same = true;
  for (const GeneralCase& one : general_cases) {
    std::vector<std::string> overrides = {"precision.bits=16",
                                          "precision.overflow='saturate'",
                                          "init.unit='real'",
                                          "init.std='he'",
                                          "grid.lr={from = 4, to = 18}",
                                          "grid.fraction={from = 0, to = 15}",
                                          "report.smooth_window=101"};
    if (!options.mnist.empty()) overrides.push_back("dataset.path=\"" + options.mnist + "\"");
    overrides.insert(overrides.end(), one.overrides.begin(), one.overrides.end());
    const Sweep sweep = read_configuration(find_configuration("mnist.toml"), overrides);
    const Dataset dataset = load_dataset(sweep);
    StagedSweep staged = stage(sweep, dataset);
    staged.held_out.clear();
    Progress of_cpu;
    Outcomes expected = CpuEngine(processors()).train(staged, of_cpu);
    repeat(expected, one.grids);
    repeat(staged.networks, one.grids);
    const auto time = [&](const std::string& name, const cuda::Tuning& tuning) {
      BatchedEngine engine(cuda::make_cuda_device(options.device), tuning);
      Progress of_engine;
      const bool same = engine.train(staged, of_engine) == expected;
      all_same &= same;
      print_row(name, median_seconds(engine, staged, options.repeats), products(staged), limits,
                same ? "the cpu engine's bytes" : "DIFFER");
    };
    time(one.name, {});
    if (one.grids == 1) continue;
    cuda::Tuning alone;
    alone.limits = limits;
    alone.limits->shared_of_multiprocessor = 0;  // none beside another, as these lie
    time("the same, one at a time", alone);
  }
  return all_same;
}

int bench(const Options& options) {
  if (list_gpus().empty()) throw RunError("kernel_bench: no CUDA device");
  std::vector<std::string> overrides;
  if (!options.mnist.empty()) overrides.push_back("dataset.path=\"" + options.mnist + "\"");
  const Sweep sweep = read_configuration(find_configuration("mnist.toml"), overrides);
  const Dataset dataset = load_dataset(sweep);
  StagedSweep staged = stage(sweep, dataset);
  const double visits = weight_visits(staged);
  const cuda::DeviceLimits limits = cuda::make_cuda_device(options.device)->limits();

  bool fell_short = false;
  const auto engine_of = [&](const cuda::Tuning& tuning) {
    return BatchedEngine(cuda::make_cuda_device(options.device), tuning);
  };
  BatchedEngine chosen = engine_of({});
  Progress progress;
  const Outcomes expected = chosen.train(staged, progress);
  fmt::print("{}, {} multiprocessors, {:.2f} GHz at most; {:.3g} weight visits forward a grid\n",
             chosen.device(), limits.multiprocessors, limits.clock * 1e-9, visits);
  fmt::print("{:<34} {:>10} {:>12} {:>12}  {}\n", "kernels", "ms", "Gvisits/s", "of 32/cycle",
             "outcomes");
  if (!options.golden.empty()) {
    const int off = cells_off(figures(sweep, staged, expected), options.golden);
    fell_short |= off != 0;
    fmt::print("{:<34} {:>10} {:>12} {:>12}  {}\n", "golden table", "", "", "",
               off == 0 ? fmt::format("all {} cells agree", expected.size())
                        : fmt::format("{} cells differ", off));
  }

  print_row("study, as chosen", median_seconds(chosen, staged, options.repeats), visits, limits,
            "reference of this table");
  for (const Shape shape : cuda::shapes_of(4, true)) {
    cuda::Tuning tuning;
    tuning.narrow_shape = shape;
    BatchedEngine engine = engine_of(tuning);
    Progress unused;
    const bool same = engine.train(staged, unused) == expected;
    fell_short |= !same;
    print_row(fmt::format("study, {} neurons on {} lanes", shape.neurons, shape.lanes),
              median_seconds(engine, staged, options.repeats), visits, limits,
              same ? "same bytes" : "DIFFER");
  }

  staged.diagnose = true;
  Progress of_diagnosed;
  Outcomes counted = chosen.train(staged, of_diagnosed);
  for (Outcome& outcome : counted) outcome.diagnostics.clear();
  fell_short |= counted != expected;
  print_row("study, diagnosed", median_seconds(chosen, staged, options.repeats), visits, limits,
            counted == expected ? "same bytes" : "DIFFER");
  staged.diagnose = false;

  repeat(staged.networks, options.bulk);
  BatchedEngine bulk = engine_of({});
  Progress unused;
  const Outcomes outcomes = bulk.train(staged, unused);
  bool same = true;
  for (std::size_t n = 0; n < outcomes.size(); ++n)
    same &= outcomes[n] == expected[n % expected.size()];
  fell_short |= !same;
  print_row(fmt::format("bulk, {} grids in {} batches", options.bulk, bulk.record().batches),
            median_seconds(bulk, staged, options.repeats), visits * options.bulk, limits,
            same ? "same bytes" : "DIFFER");
  fell_short |= !bench_general(options, limits);
  return fell_short ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return bench(parse(argc, argv));
  } catch (const RequestError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
