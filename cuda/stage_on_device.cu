// Device: staging with Thrust: from stored values to the sparse lists that the kernels read. nvcc
// compiles it for Thrust's CUDA backend (CUB); the tests compile it for the sequential one.
#include "stage_on_device.hpp"

#include <thrust/binary_search.h>
#include <thrust/copy.h>
#include <thrust/count.h>
#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/functional.h>
#include <thrust/iterator/constant_iterator.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/scan.h>
#include <thrust/system_error.h>
#include <thrust/tabulate.h>
#include <thrust/transform_reduce.h>

#include <cmath>
#include <new>
#include <string>

#include "gridrun/error.hpp"

namespace gridrun::cuda {
namespace {

/// Input k of step-ordered sample s, by its position s * inputs + k.
struct InputAt {
  Samples samples;

  GRIDRUN_HOST_DEVICE double operator()(std::uint64_t position) const {
    const std::uint64_t s = position / samples.inputs;
    const std::uint64_t k = position % samples.inputs;
    const std::uint64_t at = std::uint64_t{samples.order[s]} * samples.inputs + k;
    const double stored = samples.bytes ? static_cast<const std::uint8_t*>(samples.values)[at]
                                        : static_cast<const double*>(samples.values)[at];
    return stored / samples.scale;
  }
};

/// The same at scale 2^-fraction.
struct FixedPointAt {
  InputAt input;
  int fraction;

  GRIDRUN_HOST_DEVICE std::int64_t operator()(std::uint64_t position) const {
    return quantise(input(position), fraction);
  }
};

struct IsNonzero {
  FixedPointAt x;
  GRIDRUN_HOST_DEVICE bool operator()(std::uint64_t position) const { return x(position) != 0; }
};

struct MagnitudeAt {
  InputAt input;
  GRIDRUN_HOST_DEVICE double operator()(std::uint64_t position) const {
    return fabs(input(position));
  }
};

/// The sum of sample s's |inputs|.
struct InputSumAt {
  InputAt input;
  GRIDRUN_HOST_DEVICE double operator()(std::uint64_t s) const {
    double sum = 0;
    for (std::uint64_t k = 0; k < input.samples.inputs; ++k)
      sum += fabs(input(s * input.samples.inputs + k));
    return sum;
  }
};

thrust::counting_iterator<std::uint64_t> counting(std::uint64_t from) {
  return thrust::counting_iterator<std::uint64_t>(from);
}

std::uint64_t positions_of(const Samples& samples) {
  return std::uint64_t{samples.samples} * samples.inputs;
}

/// Runs Thrust calls, whose failures become RunErrors that name the step.
template <typename Work>
auto staged(const char* step, Work&& work) {
  try {
    return work();
  } catch (const thrust::system_error& error) {
    throw RunError(std::string("staging, ") + step + ": " + error.what());
  } catch (const std::bad_alloc&) {
    throw RunError(std::string("staging, ") + step + ": not enough device memory");
  }
}

/// Position at which a sample begins.
struct FirstPosition {
  std::uint64_t inputs;
  GRIDRUN_HOST_DEVICE std::uint64_t operator()(std::uint64_t s) const { return s * inputs; }
};

/// How many of a sample's first tiles are padding.
constexpr std::uint32_t tiles_of_padding(const Samples& samples) {
  return samples.any_negative ? held_tiles : 0;
}

/// Tiles of a sample, at least held_tiles.
struct TilesOf {
  const std::uint64_t* first;
  std::uint64_t tile_entries;
  std::uint64_t padding;  // tiles
  GRIDRUN_HOST_DEVICE SampleTiles operator()(std::uint64_t s) const {
    const std::uint64_t entries = first[s + 1] - first[s];
    const std::uint64_t tiles = padding + (entries + tile_entries - 1) / tile_entries;
    return {{}, 0, tiles < held_tiles ? held_tiles : static_cast<std::uint32_t>(tiles)};
  }
};

/// Puts a sample behind the ones before it: the scan's sum. Kept associative: `begin` counts the
/// tiles before the last of the samples that are summed, `tiles` those of the last.
struct Follow {
  GRIDRUN_HOST_DEVICE SampleTiles operator()(const SampleTiles& a, const SampleTiles& b) const {
    return {{}, a.begin + a.tiles + b.begin, b.tiles};
  }
};

/// What steps look at of a sample.
struct PutPlace {
  SampleTiles* samples;
  const std::uint32_t* labels;
  std::uint32_t tile_bytes;
  GRIDRUN_HOST_DEVICE void operator()(std::uint64_t s) const {
    const std::uint32_t looped = samples[s].tiles > held_tiles ? looped_tiles : 0;
    samples[s].place = {samples[s].begin * tile_bytes, labels[s] | looped};
  }
};

/// An entry of x at scale 2^-fraction, which narrow words scale and negate (Entry).
template <typename Word>
struct MakeEntry {
  Shape shape;
  int shift;  // of narrow words
  GRIDRUN_HOST_DEVICE Entry<Word> operator()(std::uint32_t row, std::int64_t x) const {
    if (sizeof(Word) == sizeof(std::int32_t)) x *= -(std::int64_t{1} << shift);
    return {static_cast<Word>(row) * shape.neurons * static_cast<Word>(sizeof(Word)),
            static_cast<Word>(x)};
  }
};

/// Padding: its lane's own row and x = 0.
template <typename Word>
struct PaddingEntry {
  MakeEntry<Word> make;
  std::uint32_t inputs;
  GRIDRUN_HOST_DEVICE Entry<Word> operator()(std::uint64_t slot) const {
    const auto lane = static_cast<std::uint32_t>(slot / entries_of_lane % make.shape.lanes);
    return make(first_padding_row(inputs, make.shape.lanes) + lane, 0);
  }
};

/// Puts a sample's non-zero inputs where its lanes find them: input k in lane k % lanes, as long as
/// that one has room, and what is left over in the last places that are free.
template <typename Word>
struct DealEntries {
  MakeEntry<Word> make;
  FixedPointAt x;
  std::uint32_t inputs;
  std::uint32_t lanes;
  const std::uint64_t* positions;
  const std::uint64_t* first;
  const SampleTiles* places;
  std::uint32_t padding;  // tiles
  Entry<Word>* entries;

  GRIDRUN_HOST_DEVICE void operator()(std::uint64_t s) const {
    const std::uint32_t room = (places[s].tiles - padding) * entries_of_lane;  // of a lane
    std::uint32_t inputs_of[warp_lanes] = {};  // that would have a lane
    bool all_have_room = true;
    for (std::uint64_t q = first[s]; q < first[s + 1]; ++q) {
      const std::uint32_t home = input_at(q) % lanes;
      const std::uint32_t level = inputs_of[home]++;
      if (level < room) put(s, q, home, level);
      all_have_room &= level < room;
    }
    if (all_have_room) return;
    std::uint32_t seen[warp_lanes] = {};
    std::uint32_t lane = 0, level = room - 1;  // of the next place that may be free
    for (std::uint64_t q = first[s]; q < first[s + 1]; ++q) {
      if (seen[input_at(q) % lanes]++ < room) continue;
      for (; inputs_of[lane] > level; lane = (lane + 1) % lanes) level -= lane + 1 == lanes;
      put(s, q, lane, level);
      lane = (lane + 1) % lanes;
      level -= lane == 0;
    }
  }

 private:
  GRIDRUN_HOST_DEVICE std::uint32_t input_at(std::uint64_t q) const {
    return static_cast<std::uint32_t>(positions[q] % inputs);
  }

  GRIDRUN_HOST_DEVICE void put(std::uint64_t s, std::uint64_t q, std::uint32_t lane,
                               std::uint32_t level) const {
    const std::uint64_t tile = std::uint64_t{places[s].begin} + padding + level / entries_of_lane;
    entries[(tile * lanes + lane) * entries_of_lane + level % entries_of_lane] =
        make(input_at(q), x(positions[q]));
  }
};

template <typename Word>
void fill_entries(const Samples& samples, const ListPlan& plan, const std::uint64_t* positions,
                  const std::uint64_t* first, const SampleTiles* places, std::uint64_t tiles,
                  void* entries) {
  auto* const slots = static_cast<Entry<Word>*>(entries);
  const MakeEntry<Word> make{plan.shape, narrow_input_scale - plan.headroom - plan.fraction};
  thrust::tabulate(thrust::device, slots, slots + tiles * plan.lanes() * entries_of_lane,
                   PaddingEntry<Word>{make, samples.inputs});
  thrust::for_each(thrust::device, counting(0), counting(samples.samples),
                   DealEntries<Word>{make,
                                     {{samples}, plan.fraction},
                                     samples.inputs,
                                     plan.lanes(),
                                     positions,
                                     first,
                                     places,
                                     tiles_of_padding(samples),
                                     slots});
}

/// A unit's initial weight, zero in padding rows and unused places.
template <typename Word>
struct InitialWeight {
  const std::int64_t* initial;
  const Unit* units;
  std::uint32_t inputs;
  std::uint32_t rows;
  std::uint32_t neurons;

  GRIDRUN_HOST_DEVICE Word operator()(std::uint64_t at) const {
    const std::uint64_t row = at / neurons % rows;
    const Unit unit = units[at / neurons / rows * neurons + at % neurons];
    if (row >= inputs || unit.network == no_network) return 0;
    return static_cast<Word>(initial[std::uint64_t{unit.output} * inputs + row]);
  }
};

template <typename Word>
void fill_weights(const std::int64_t* initial, std::uint32_t inputs, std::uint32_t rows,
                  int neurons, const Unit* units, std::uint64_t unit_count, Word* weights) {
  thrust::tabulate(
      thrust::device, weights, weights + unit_count * rows,
      InitialWeight<Word>{initial, units, inputs, rows, static_cast<std::uint32_t>(neurons)});
}

}  // namespace

double StagingDevice::largest_input(const Samples& samples) {
  return staged("largest input", [&] {
    return thrust::transform_reduce(thrust::device, counting(0), counting(positions_of(samples)),
                                    MagnitudeAt{{samples}}, 0.0, thrust::maximum<double>());
  });
}

double StagingDevice::largest_input_sum(const Samples& samples) {
  return staged("largest sum of inputs", [&] {
    return thrust::transform_reduce(thrust::device, counting(0), counting(samples.samples),
                                    InputSumAt{{samples}}, 0.0, thrust::maximum<double>());
  });
}

std::uint64_t StagingDevice::count_nonzeros(const Samples& samples, int fraction) {
  return staged("counting inputs", [&] {
    return static_cast<std::uint64_t>(thrust::count_if(thrust::device, counting(0),
                                                       counting(positions_of(samples)),
                                                       IsNonzero{{{samples}, fraction}}));
  });
}

void StagingDevice::stage_places(const Samples& samples, const std::uint32_t* labels,
                                 const ListPlan& plan, std::uint64_t* positions,
                                 std::uint64_t* first, SampleTiles* places) {
  staged("sample lists", [&] {
    std::uint64_t* const end =
        thrust::copy_if(thrust::device, counting(0), counting(positions_of(samples)), positions,
                        IsNonzero{{{samples}, plan.fraction}});
    const auto begins = thrust::make_transform_iterator(counting(0), FirstPosition{samples.inputs});
    thrust::lower_bound(thrust::device, positions, end, begins, begins + samples.samples + 1,
                        first);
    const auto tiles = thrust::make_transform_iterator(
        counting(0),
        TilesOf{first, std::uint64_t{plan.lanes()} * entries_of_lane, tiles_of_padding(samples)});
    thrust::inclusive_scan(thrust::device, tiles, tiles + samples.samples, places, Follow{});
    thrust::for_each(
        thrust::device, counting(0), counting(samples.samples),
        PutPlace{places, labels,
                 plan.word == sizeof(std::int32_t) ? tile_bytes<std::int32_t>(plan.shape.lanes)
                                                   : tile_bytes<std::int64_t>(plan.shape.lanes)});
    thrust::copy_n(thrust::device, thrust::make_constant_iterator(SampleTiles{}), places_ahead,
                   places + samples.samples);
  });
}

void StagingDevice::stage_entries(const Samples& samples, const ListPlan& plan,
                                  const std::uint64_t* positions, const std::uint64_t* first,
                                  const SampleTiles* places, std::uint64_t tiles, void* entries) {
  staged("sample entries", [&] {
    const auto fill =
        plan.word == sizeof(std::int32_t) ? fill_entries<std::int32_t> : fill_entries<std::int64_t>;
    fill(samples, plan, positions, first, places, tiles, entries);
  });
}

void StagingDevice::stage_weights(const std::int64_t* initial, std::uint32_t inputs,
                                  std::uint32_t rows, int neurons, const Unit* units,
                                  std::uint64_t unit_count, std::int32_t* weights) {
  staged("weights",
         [&] { fill_weights(initial, inputs, rows, neurons, units, unit_count, weights); });
}

void StagingDevice::stage_weights(const std::int64_t* initial, std::uint32_t inputs,
                                  std::uint32_t rows, int neurons, const Unit* units,
                                  std::uint64_t unit_count, std::int64_t* weights) {
  staged("weights",
         [&] { fill_weights(initial, inputs, rows, neurons, units, unit_count, weights); });
}

}  // namespace gridrun::cuda
