#include "train_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gridrun::cuda {
namespace {

constexpr int schedulers_of_multiprocessor = 4;

/// A model of a training step, in cycles, from the sm_90 code of the kernels (cuda/README.md): the
/// instructions that a warp issues, and the chain of those that wait for one another.
struct StepModel {
  static constexpr double chain = 400;
  static constexpr double of_step = 60;
  static constexpr double of_tile = 9;
  static constexpr double of_neuron = 10;
  static constexpr double of_visits = 2;       // a neuron's products of a tile
  static constexpr double of_updates = 18.5;   // its updates
  static constexpr double update_share = 0.2;  // of the steps that change a neuron
  static constexpr double tiles_held = 4;      // in registers; the others are loaded twice
};

std::size_t warp_bytes(const Workload& work, Shape shape) {
  return team_bytes(work, shape) * static_cast<std::size_t>(warp_lanes / shape.lanes);
}

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Warps of a block: as few as possible for the busiest multiprocessor to train in all, and then as
/// many as possible in a block, because they share the samples that they read.
int choose_block_warps(const Workload& work, const DeviceLimits& limits, Shape shape,
                       std::size_t shared_of_warp) {
  int best = 1;
  auto least = std::numeric_limits<std::uint64_t>::max();
  for (int warps = 1; warps <= max_block_warps; ++warps) {
    if (warps * shared_of_warp > limits.shared_of_block) break;
    const auto block_neurons = static_cast<std::uint64_t>(warps) * shape.neurons_of_warp();
    std::uint64_t blocks = 0;
    for (const std::uint64_t neurons : work.neurons_of_fraction)
      blocks += divide_up(neurons, block_neurons);
    const std::uint64_t busiest = divide_up(blocks, limits.multiprocessors) * warps;
    if (busiest <= least) {
      least = busiest;
      best = warps;
    }
  }
  return best;
}

/// What a step of all neurons costs the busiest scheduler.
double cycles_of_step(const Workload& work, const DeviceLimits& limits, Shape shape,
                      std::uint64_t neurons) {
  using M = StepModel;
  const double tiles = work.mean_nonzeros / (entries_of_lane * shape.lanes) + 0.5;
  const double teams = static_cast<double>(warp_lanes) / shape.lanes;
  const double updating = 1 - std::pow(1 - M::update_share, teams);  // of the teams, any
  const double visited = tiles + std::max(0.0, tiles + 0.5 - M::tiles_held);
  const double issued =
      M::of_step + M::of_tile * visited +
      shape.neurons * (M::of_neuron + (M::of_visits + M::of_updates * updating) * visited);
  const std::uint64_t schedulers =
      static_cast<std::uint64_t>(limits.multiprocessors) * schedulers_of_multiprocessor;
  const auto neurons_of_warp = static_cast<std::uint64_t>(shape.neurons_of_warp());
  const auto warps = divide_up(divide_up(neurons, neurons_of_warp), schedulers);
  return std::max(M::chain, static_cast<double>(warps) * issued);
}

bool fits_shared(const Workload& work, const DeviceLimits& limits, Shape shape) {
  return warp_bytes(work, shape) <= limits.shared_of_block;
}

}  // namespace

bool fits_narrow(const StudyNetwork& network, const Magnitudes& largest) {
  const double x = std::ldexp(largest.input, network.fraction) + 1;
  const auto visits_of_lane = static_cast<double>(divide_up(largest.inputs, warp_lanes));
  return network.fraction <= narrow_delta_bits && network.lr <= narrow_update_bits && x < 0x1p31 &&
         std::ldexp(x * visits_of_lane, narrow_weight_bits) < std::ldexp(1.0, narrow_part_bits) &&
         largest.weight < std::uint64_t{1} << narrow_weight_bits;
}

std::int64_t narrow_delta_limit(int fraction, double largest_input) {
  const std::int64_t most = (std::int64_t{1} << narrow_delta_bits) - 1;
  const std::int64_t largest_x = quantise(largest_input, fraction);
  if (largest_x == 0) return most;
  const std::int64_t largest_u = (std::int64_t{1} << narrow_update_bits) - 1;
  return std::min(most, (largest_u << fraction) / largest_x);
}

const std::vector<Shape>& shapes_of(std::size_t word, bool shared, bool diagnose) {
  static const std::vector<Shape> narrow = {{32, 1}, {32, 2}, {32, 4}, {16, 4}, {8, 4}, {4, 4}};
  static const std::vector<Shape> narrow_diagnosed = {{32, 2}, {8, 2}};
  static const std::vector<Shape> wide = {{32, 1}, {4, 1}};
  static const std::vector<Shape> global = {{32, 1}};
  if (!shared) return global;
  if (word == 8) return wide;
  return diagnose ? narrow_diagnosed : narrow;
}

std::size_t team_bytes(const Workload& work, Shape shape) {
  return (std::size_t{work.inputs} + static_cast<std::size_t>(shape.lanes)) *
         static_cast<std::size_t>(shape.neurons) * work.word;
}

TrainLaunch launch_of_shape(const Workload& work, const DeviceLimits& limits, Shape shape) {
  TrainLaunch launch;
  launch.diagnose = work.diagnose;
  launch.shared = fits_shared(work, limits, shape);
  if (!launch.shared) shape = shapes_of(work.word, false, work.diagnose).front();
  launch.shape = shape;
  const std::size_t shared_of_warp = launch.shared ? warp_bytes(work, shape) : 0;
  const int warps = choose_block_warps(work, limits, shape, shared_of_warp);
  launch.block_lanes = static_cast<std::uint32_t>(warps * warp_lanes);
  launch.shared_bytes = static_cast<std::size_t>(warps) * shared_of_warp;
  return launch;
}

TrainLaunch choose_launch(const Workload& work, const DeviceLimits& limits) {
  std::uint64_t neurons = 0;
  for (const std::uint64_t of_fraction : work.neurons_of_fraction) neurons += of_fraction;
  Shape best{};
  double least = std::numeric_limits<double>::infinity();
  for (const Shape shape : shapes_of(work.word, true, work.diagnose)) {
    const double cycles = cycles_of_step(work, limits, shape, neurons);
    if (!fits_shared(work, limits, shape) || cycles >= least) continue;
    least = cycles;
    best = shape;
  }
  return launch_of_shape(work, limits, best);
}

Layout lay_out(const std::vector<StudyNetwork>& networks, std::uint32_t outputs,
               const TrainLaunch& launch) {
  const std::size_t block_units = static_cast<std::size_t>(launch.block_lanes / warp_lanes) *
                                  static_cast<std::size_t>(launch.shape.neurons_of_warp());
  const Unit unused{no_network, no_output, 0};
  Layout layout;
  const auto fill_block = [&] {
    layout.units.resize(divide_up(layout.units.size(), block_units) * block_units, unused);
    layout.block_lists.resize(layout.units.size() / block_units,
                              static_cast<std::uint32_t>(layout.fractions.size()) - 1);
  };
  for (std::size_t n = 0; n < networks.size(); ++n) {
    if (n == 0 || networks[n].fraction != networks[n - 1].fraction) {
      if (n != 0) fill_block();
      layout.fractions.push_back(networks[n].fraction);
    }
    layout.first_unit.push_back(static_cast<std::uint32_t>(layout.units.size()));
    for (std::uint32_t j = 0; j < outputs; ++j)
      layout.units.push_back({static_cast<std::int32_t>(n), j, networks[n].lr});
  }
  fill_block();
  return layout;
}

}  // namespace gridrun::cuda
