#include "train_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gridrun::cuda {
namespace {

constexpr int schedulers_of_multiprocessor = 4;
constexpr double update_share = 0.25;   // of the steps that change a neuron
constexpr double largest_share = 0.55;  // the same of a fraction with many

/// A model of a training step of a multiprocessor, in cycles, fitted to measurements of the MNIST
/// study (cuda/README.md): a warp waits for a chain of instructions and for those that the other
/// warps of its scheduler issue; and shared memory serves a wavefront a cycle.
struct StepModel {
  static constexpr double chain = 160;
  static constexpr double chain_of_neuron = 125;
  static constexpr double chain_of_looped = 400;  // a tile that is not held in registers
  static constexpr double chain_of_teams = 150;   // where a warp has several
  static constexpr double of_step = 36;           // instructions of a warp
  static constexpr double of_tile = 3;
  static constexpr double of_neuron = 8;
  static constexpr double of_visits = 3;    // a neuron's products of a tile
  static constexpr double of_updates = 15;  // its updates
  static constexpr double issue = 0.85;     // cycles that another warp's instruction takes
  static constexpr double served = 0.9;     // wavefronts a cycle
  static constexpr double of_chunk = 4000;  // a block's wait for its slowest team
};

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

std::size_t warp_bytes(const Workload& work, Shape shape) {
  return team_bytes(work, shape) * static_cast<std::size_t>(warp_lanes / shape.lanes);
}

std::size_t bytes_of_chunks(const Workload& work, Shape shape, std::uint64_t tiles) {
  const auto of = work.word == 4 ? chunks_bytes<std::int32_t> : chunks_bytes<std::int64_t>;
  return of(shape.lanes, static_cast<std::uint32_t>(tiles));
}

std::uint64_t entries_of_tile(Shape shape) {
  return static_cast<std::uint64_t>(shape.lanes) * entries_of_lane;
}

double mean_tiles(const Workload& work, Shape shape) {
  return std::max<double>(held_tiles,
                          work.mean_nonzeros / static_cast<double>(entries_of_tile(shape)) + 0.5);
}

/// How the neurons are dealt out to the multiprocessors.
struct Arrangement {
  int block_warps = 0;
  std::uint64_t chunk_tiles = 0;
  double cycles = std::numeric_limits<double>::infinity();  // of a step of all neurons
};

/// What a step of `blocks` blocks of `warps` warps costs a multiprocessor that trains them at once.
double cycles_of_step(const Workload& work, Shape shape, std::uint64_t blocks, int warps,
                      double share) {
  using M = StepModel;
  const double tiles = mean_tiles(work, shape);
  const double looped = std::max(0.0, tiles + 0.3 - held_tiles);
  const double teams = static_cast<double>(warp_lanes) / shape.lanes;
  const double updating = 1 - std::pow(1 - share, teams);                 // of the teams, any
  const double storing = 1 - std::pow(1 - share, teams * shape.neurons);  // of the neurons, any
  const double issued =
      M::of_step + M::of_tile * (tiles + looped) +
      shape.neurons * (M::of_neuron + (M::of_visits + M::of_updates * updating) * (tiles + looped));
  const double chain = M::chain + M::chain_of_neuron * shape.neurons + M::chain_of_looped * looped +
                       (teams > 1 ? M::chain_of_teams : 0);
  const double words = static_cast<double>(work.word) / sizeof(std::int32_t);
  const double entries = 4 * words / teams;  // wavefronts of a tile
  const double rows = 2 * words * shape.neurons * (1 + storing);
  const std::uint64_t all_warps = blocks * static_cast<std::uint64_t>(warps);
  const double wavefronts = static_cast<double>(all_warps) * (3 + tiles * (entries + rows)) +
                            static_cast<double>(blocks) * 2 * tiles * entries;
  const auto of_scheduler = static_cast<double>(divide_up(all_warps, schedulers_of_multiprocessor));
  return std::max(wavefronts / M::served, chain + M::issue * issued * of_scheduler);
}

/// Blocks of `warps` warps, `resident` of them on a multiprocessor at a time; if they fit.
Arrangement arrange(const Workload& work, const DeviceLimits& limits, Shape shape, bool shared,
                    int warps, int resident) {
  Arrangement arrangement;
  double chunk_wait = 0;
  if (shared) {
    const std::size_t of_block = limits.shared_of_each(static_cast<std::size_t>(resident));
    const std::size_t weights = static_cast<std::size_t>(warps) * warp_bytes(work, shape);
    const std::uint64_t least =  // tiles of any sample, at most
        held_tiles + divide_up(work.inputs, entries_of_tile(shape));
    if (weights + bytes_of_chunks(work, shape, least) > of_block) return arrangement;
    const std::size_t left = of_block - weights - bytes_of_chunks(work, shape, 0);
    const std::size_t of_tile = bytes_of_chunks(work, shape, 1) - bytes_of_chunks(work, shape, 0);
    const double tiles = mean_tiles(work, shape);
    const auto wanted = static_cast<std::uint64_t>(std::ceil(chunk_steps * tiles * 1.05));
    arrangement.chunk_tiles = std::min<std::uint64_t>(std::max(least, wanted), left / of_tile);
    chunk_wait = StepModel::of_chunk * tiles / static_cast<double>(arrangement.chunk_tiles);
  }
  const auto block_neurons = static_cast<std::uint64_t>(warps) * shape.neurons_of_warp();
  std::uint64_t blocks = 0;
  for (const std::uint64_t neurons : work.neurons_of_fraction)
    blocks += divide_up(neurons, block_neurons);
  const auto multiprocessors = static_cast<std::uint64_t>(limits.multiprocessors);
  const std::uint64_t at_once = multiprocessors * static_cast<std::uint64_t>(resident);
  const std::uint64_t busiest = divide_up(std::min(blocks, at_once), multiprocessors);  // at once
  // Alone on a multiprocessor, a block may be one of a fraction with many updates.
  const double share = blocks <= multiprocessors ? largest_share : update_share;
  const double rounds = static_cast<double>(blocks) / static_cast<double>(at_once);
  arrangement.block_warps = warps;
  arrangement.cycles = (chunk_wait + cycles_of_step(work, shape, busiest, warps, share)) *
                       (rounds <= 1 ? 1 : rounds + 0.5);  // some end later than others
  return arrangement;
}

/// The arrangement that takes the busiest multiprocessor the fewest cycles, and of equals the one
/// with the largest blocks, because their warps share the samples that they read.
Arrangement best_arrangement(const Workload& work, const DeviceLimits& limits, Shape shape,
                             bool shared) {
  Arrangement best;
  const int most = most_block_warps(work.word, shape, work.diagnose);
  for (int warps = 1; warps <= most; ++warps)
    for (int resident = most / warps; resident >= 1; --resident) {
      const Arrangement arrangement = arrange(work, limits, shape, shared, warps, resident);
      if (arrangement.block_warps != 0 && arrangement.cycles <= best.cycles) best = arrangement;
    }
  return best;
}

/// The units of one fraction.
struct UnitsOfFraction {
  int fraction;
  std::vector<Unit> units;
};

/// About the share of its steps that update a unit, as the MNIST study has it: the higher its
/// learning rate's shift, the longer it errs, until its updates are lost.
double update_share_of(int lr, int fraction) {
  const double errs = std::clamp((lr - 4) / 12.0, 0.0, 1.0);
  const double still_updates = std::clamp((fraction - lr - 1.5) / 3.5, 0.0, 1.0);
  return errs * still_updates;
}

/// Numbers below `count` in an order in which neighbours are far apart.
std::vector<std::size_t> mixed(std::size_t count) {
  const auto golden = static_cast<std::size_t>(std::lround(0.618 * static_cast<double>(count)));
  std::size_t away = 0;  // from the golden section, to the nearest stride that visits all
  while (std::gcd(golden + away, count) != 1 && std::gcd(golden - away, count) != 1) ++away;
  const std::size_t stride = std::gcd(golden + away, count) == 1 ? golden + away : golden - away;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i) order.push_back(i * stride % count);
  return order;
}

/// Orders units so that warps of `of_warp` neighbours update about as often, as far as their number
/// allows, and blocks of several warps do. Places that are left over are not used.
std::vector<Unit> balanced(std::vector<Unit> units, int fraction, std::size_t of_warp) {
  std::stable_sort(units.begin(), units.end(), [&](const Unit& a, const Unit& b) {
    return update_share_of(a.lr, fraction) > update_share_of(b.lr, fraction);
  });
  const std::size_t warps = divide_up(units.size(), of_warp);
  std::vector<Unit> dealt(warps * of_warp, Unit{no_network, no_output, 0});
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::size_t row = i / warps, at = i % warps;
    const std::size_t warp = row % 2 == 0 ? at : warps - 1 - at;
    dealt[warp * of_warp + row] = units[i];
  }
  std::vector<Unit> ordered;
  for (const std::size_t warp : mixed(warps))
    ordered.insert(ordered.end(), dealt.begin() + static_cast<std::ptrdiff_t>(warp * of_warp),
                   dealt.begin() + static_cast<std::ptrdiff_t>((warp + 1) * of_warp));
  return ordered;
}

std::vector<UnitsOfFraction> units_by_fraction(const std::vector<StudyNetwork>& networks,
                                               std::uint32_t outputs) {
  std::vector<UnitsOfFraction> all;
  for (std::size_t n = 0; n < networks.size(); ++n) {
    if (all.empty() || all.back().fraction != networks[n].fraction)
      all.push_back({networks[n].fraction, {}});
    for (std::uint32_t j = 0; j < outputs; ++j)
      all.back().units.push_back({static_cast<std::int32_t>(n), j, networks[n].lr});
  }
  return all;
}

}  // namespace

int narrow_headroom(int fraction, const Magnitudes& largest) {
  const double x = std::rint(std::ldexp(largest.input, fraction));
  int headroom = 0;
  const auto fits = [&](double one) { return largest.any_negative ? x < one : x <= one; };
  while (headroom < narrow_input_scale && !fits(std::ldexp(1.0, fraction + headroom))) ++headroom;
  return headroom;
}

std::uint32_t narrow_weight_bound(int fraction, const Magnitudes& largest) {
  const double most_rounded_up = std::ldexp(largest.inputs, -fraction - 1);
  // Each of up to 2^32 additions in binary64 may have lost 2^-53 of the sum.
  constexpr double most_lost = 1 + 0x1p-20;
  const double sum = (largest.input_sum + most_rounded_up) * most_lost;
  int bits = narrow_weight_bits;
  while (bits >= 0 && std::ldexp(sum, bits) >= 0x1p31) --bits;
  return bits < 0 ? 0 : 1U << bits;
}

std::int64_t narrow_delta_limit(int fraction, const Magnitudes& largest) {
  const std::int64_t most = (std::int64_t{1} << narrow_delta_bits) - 1;
  const std::int64_t largest_x = quantise(largest.input, fraction);
  if (largest_x == 0) return most;
  const std::int64_t largest_u = (std::int64_t{1} << narrow_update_bits) - 1;
  return std::min(most, (largest_u << fraction) / largest_x);
}

bool fits_narrow(const StudyNetwork& network, const Magnitudes& largest) {
  const int fraction = network.fraction;
  return fraction + narrow_headroom(fraction, largest) <= narrow_input_scale - narrow_input_zeros &&
         network.lr <= narrow_update_bits &&
         largest.weight < narrow_weight_bound(fraction, largest);
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
  return std::size_t{rows_of(work.inputs, shape.lanes)} * static_cast<std::size_t>(shape.neurons) *
         work.word;
}

TrainLaunch launch_of_shape(const Workload& work, const DeviceLimits& limits, Shape shape) {
  TrainLaunch launch;
  launch.diagnose = work.diagnose;
  Arrangement best = best_arrangement(work, limits, shape, true);
  launch.shared = best.block_warps != 0;
  if (!launch.shared) {
    shape = shapes_of(work.word, false, work.diagnose).front();
    best = best_arrangement(work, limits, shape, false);
  }
  launch.shape = shape;
  launch.block_lanes = static_cast<std::uint32_t>(best.block_warps * warp_lanes);
  launch.chunk_tiles = static_cast<std::uint32_t>(best.chunk_tiles);
  if (launch.shared)
    launch.shared_bytes = static_cast<std::size_t>(best.block_warps) * warp_bytes(work, shape) +
                          bytes_of_chunks(work, shape, best.chunk_tiles);
  return launch;
}

TrainLaunch choose_launch(const Workload& work, const DeviceLimits& limits) {
  Shape best = shapes_of(work.word, true, work.diagnose).front();
  double least = std::numeric_limits<double>::infinity();
  for (const Shape shape : shapes_of(work.word, true, work.diagnose)) {
    const double cycles = best_arrangement(work, limits, shape, true).cycles;
    if (cycles >= least) continue;
    least = cycles;
    best = shape;
  }
  return launch_of_shape(work, limits, best);
}

Layout lay_out(const std::vector<StudyNetwork>& networks, std::uint32_t outputs,
               const TrainLaunch& launch) {
  const auto of_warp = static_cast<std::size_t>(launch.shape.neurons_of_warp());
  const std::size_t block_units = launch.block_lanes / warp_lanes * of_warp;
  const std::vector<UnitsOfFraction> fractions = units_by_fraction(networks, outputs);
  Layout layout;
  for (const UnitsOfFraction& of : fractions) layout.fractions.push_back(of.fraction);
  for (std::size_t list = fractions.size(); list-- > 0;) {
    for (const Unit& unit : balanced(fractions[list].units, fractions[list].fraction, of_warp))
      layout.units.push_back(unit);
    layout.units.resize(divide_up(layout.units.size(), block_units) * block_units,
                        Unit{no_network, no_output, 0});
    layout.block_lists.resize(layout.units.size() / block_units, static_cast<std::uint32_t>(list));
  }
  layout.unit_of.resize(networks.size() * outputs);
  for (std::size_t i = 0; i < layout.units.size(); ++i) {
    const Unit& unit = layout.units[i];
    if (unit.network != no_network)
      layout.unit_of[static_cast<std::size_t>(unit.network) * outputs + unit.output] =
          static_cast<std::uint32_t>(i);
  }
  return layout;
}

}  // namespace gridrun::cuda
