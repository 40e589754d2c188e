#include "engines/cpu/sparse_samples.hpp"

#include <fmt/format.h>
#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include "base/parallel.hpp"
#include "engines/cpu/lane_group.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

constexpr std::size_t largest_palette = 256;
constexpr std::size_t block_samples = 128;
/// Offsets of rows then fit 32 bits, and so do the sums that the engine holds over a block.
constexpr std::size_t most_inputs = std::size_t{1} << 24;

/// One block of samples on its way into SparseSamples.
struct Block {
  std::vector<std::uint32_t> words;
  std::vector<SparseSample> samples;  // `chunks` not yet set, `first_value` counted in `values`
  std::vector<std::size_t> begins;    // of each sample's chunks in `words`
  std::vector<double> values;         // empty where a palette has them
};

/// A few distinct inputs, found by their stored value.
class Palette {
 public:
  /// Of the first `used` samples; empty if they have too many.
  Palette(const std::vector<double>& stored, const StudySweep& sweep, std::size_t used) {
    for (std::size_t i = 0; i < used; ++i) {
      const double* sample = &stored[sweep.order[i] * sweep.inputs];
      for (std::size_t k = 0; k < sweep.inputs; ++k) {
        if (sample[k] == 0) continue;
        std::uint16_t& entry = table_[find(sample[k])];
        if (entry != 0) continue;
        if (stored_.size() == largest_palette) {
          values_.clear();
          return;
        }
        stored_.push_back(sample[k]);
        values_.push_back(sample[k] / sweep.dataset->scale);
        entry = static_cast<std::uint16_t>(stored_.size());
      }
    }
  }

  /// Of all bytes.
  Palette(const std::vector<std::uint8_t>&, const StudySweep& sweep, std::size_t) {
    for (std::size_t byte = 0; byte < largest_palette; ++byte)
      values_.push_back(static_cast<double>(byte) / sweep.dataset->scale);
  }

  bool empty() const { return values_.empty(); }
  const std::vector<double>& values() const { return values_; }

  std::uint8_t index(double stored) const {
    return static_cast<std::uint8_t>(table_[find(stored)] - 1);
  }
  std::uint8_t index(std::uint8_t stored) const { return stored; }

 private:
  /// Where a stored value is in the table, or may be put.
  std::size_t find(double stored) const {
    std::size_t at = (std::bit_cast<std::uint64_t>(stored) * 0x9e3779b97f4a7c15) >> 54;
    while (table_[at] != 0 && stored_[table_[at] - 1U] != stored) at = (at + 1) % table_.size();
    return at;
  }

  std::array<std::uint16_t, 1024> table_{};  // by hash: 1 + the index of a value, 0 where none is
  std::vector<double> stored_;               // empty for bytes
  std::vector<double> values_;               // stored / scale
};

/// Inputs of equal value in a sample.
struct Run {
  std::uint32_t value;
  std::uint32_t begin, size;  // of its rows
};

/// The largest |d| for which the sum of |u| over a sample certainly fits 31 bits: |u| is at most
/// |d| (|input| + half a unit of the coarsest fraction) + 1.
std::uint32_t error_limit(double sum_of_inputs, std::size_t inputs, int coarsest_fraction) {
  constexpr double most = std::numeric_limits<std::int32_t>::max();
  const auto count = static_cast<double>(inputs);
  const double weighed = sum_of_inputs + std::ldexp(count, -coarsest_fraction - 1);
  const double limit = (most - count) / weighed * (1 - 1e-9);  // the sum of inputs was rounded
  return static_cast<std::uint32_t>(std::clamp(limit, 0.0, most));
}

/// Turns samples into chunks, one after the other. Its loops have few branches that depend on the
/// data: a training of milliseconds waits for it.
class BlockBuilder {
 public:
  /// If the palette is empty, each sample has values of its own.
  BlockBuilder(const StudySweep& sweep, const Palette& palette, int coarsest_fraction)
      : sweep_(sweep),
        palette_(palette),
        coarsest_fraction_(coarsest_fraction),
        inputs_(sweep.inputs + 1),
        rows_(sweep.inputs + spare_rows),
        value_of_input_(sweep.inputs),
        fours_(sweep.inputs / 4 * 5 + 5),
        twos_(sweep.inputs / 2 * 3 + 3),
        ones_(sweep.inputs * 2 + 2) {}

  template <typename Stored>
  Block build(const std::vector<Stored>& stored, std::size_t begin, std::size_t end) {
    const auto sample_of = [&](std::size_t i) { return &stored[sweep_.order[i] * sweep_.inputs]; };
    block_.words.reserve((end - begin) * (sweep_.inputs / 2));  // enough if a fifth are not zero
    for (std::size_t i = begin; i < end; ++i) {
      prefetch(sample_of(std::min(i + samples_ahead, end - 1)));
      block_.begins.push_back(block_.words.size());
      block_.samples.push_back({});
      block_.samples.back().label = sweep_.dataset->labels[sweep_.order[i]];
      block_.samples.back().first_value = block_.values.size();
      const Stored* sample = sample_of(i);
      find_inputs(sample);
      if (palette_.empty())
        sort_inputs(sample);
      else
        count_inputs(sample);
      add_sample(block_.samples.back());
    }
    return std::move(block_);
  }

 private:
  static constexpr std::size_t spare_rows = 3;  // read, but not used, after the last run
  static constexpr std::size_t samples_ahead = 4;

  /// Samples lie anywhere in memory, and to wait for each would take as long as the work on it.
  template <typename Stored>
  void prefetch(const Stored* sample) const {
    const auto* bytes = reinterpret_cast<const char*>(sample);
    for (std::size_t i = 0; i < sweep_.inputs * sizeof(Stored); i += 64) hwy::Prefetch(bytes + i);
  }

  /// inputs_: those of the sample that are not zero, rising.
  template <typename Stored>
  void find_inputs(const Stored* sample) {
    std::uint32_t* found = inputs_.data();
    const auto look_at = [&](std::size_t k) {
      *found = static_cast<std::uint32_t>(k);
      found += sample[k] != 0;
    };
    constexpr std::size_t stride = sizeof(std::uint64_t) / sizeof(Stored);
    std::size_t k = 0;
    for (; k + stride <= sweep_.inputs; k += stride) {
      std::uint64_t several;
      std::memcpy(&several, sample + k, sizeof several);
      if (several == 0) continue;
      for (std::size_t i = 0; i < stride; ++i) look_at(k + i);
    }
    for (; k < sweep_.inputs; ++k) look_at(k);
    count_ = static_cast<std::size_t>(found - inputs_.data());
  }

  /// runs_ and rows_ by counting the inputs of each value of the palette.
  template <typename Stored>
  void count_inputs(const Stored* sample) {
    runs_.resize(std::min(count_, largest_palette) + 1);
    std::size_t runs = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uint8_t value = palette_.index(sample[inputs_[i]]);
      value_of_input_[i] = value;
      runs_[runs].value = value;
      runs += next_row_[value]++ == 0;
    }
    runs_.resize(runs);
    std::uint32_t begin = 0;
    for (Run& run : runs_) {
      run.begin = begin;
      run.size = next_row_[run.value];
      begin += run.size;
      next_row_[run.value] = run.begin;
    }
    for (std::size_t i = 0; i < count_; ++i)
      rows_[next_row_[value_of_input_[i]]++] = static_cast<std::uint32_t>(inputs_[i] * group_lanes);
    for (const Run& run : runs_) next_row_[run.value] = 0;
  }

  /// runs_ and rows_ by sorting, and the block's values.
  template <typename Stored>
  void sort_inputs(const Stored* sample) {
    std::stable_sort(inputs_.begin(), inputs_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [&](std::uint32_t a, std::uint32_t b) { return sample[a] < sample[b]; });
    runs_.clear();
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (i == 0 || sample[inputs_[i]] != sample[inputs_[i - 1]]) {
        runs_.push_back({static_cast<std::uint32_t>(runs_.size()), i, 0});
        block_.values.push_back(static_cast<double>(sample[inputs_[i]]) / sweep_.dataset->scale);
      }
      ++runs_.back().size;
      rows_[i] = static_cast<std::uint32_t>(inputs_[i] * group_lanes);
    }
  }

  /// Adds runs_ and rows_ to the block.
  void add_sample(SparseSample& sample) {
    const double* values = palette_.empty() ? block_.values.data() + sample.first_value  //
                                            : palette_.values().data();
    const auto negative = [&](const Run& run) { return values[run.value] < 0; };
    const auto middle = std::partition(runs_.begin(), runs_.end(), std::not_fn(negative));
    double sum_of_inputs = 0;
    for (const Run& run : runs_) sum_of_inputs += std::abs(values[run.value]) * run.size;
    sample.error_limit = error_limit(sum_of_inputs, count_, coarsest_fraction_);
    sample.counts = {add_chunks({runs_.begin(), middle}), add_chunks({middle, runs_.end()})};
  }

  /// Adds chunks of 4, 2 and 1 row, in that order; returns how many of each.
  std::array<std::uint32_t, 3> add_chunks(std::span<const Run> runs) {
    std::uint32_t *four = fours_.data(), *two = twos_.data(), *one = ones_.data();
    for (const Run& run : runs) {
      const std::uint32_t* row = rows_.data() + run.begin;
      for (std::uint32_t fours = run.size / 4; fours != 0; --fours, row += 4) {
        *four++ = run.value;
        four = std::copy_n(row, 4, four);
      }
      two[0] = run.value;  // written at any rate, kept if there is one
      two[1] = row[0];
      two[2] = row[1];
      two += run.size & 2 ? 3 : 0;
      row += run.size & 2;
      one[0] = run.value;
      one[1] = row[0];
      one += run.size & 1 ? 2 : 0;
    }
    auto& words = block_.words;
    words.insert(words.end(), fours_.data(), four);
    words.insert(words.end(), twos_.data(), two);
    words.insert(words.end(), ones_.data(), one);
    return {static_cast<std::uint32_t>((four - fours_.data()) / 5),
            static_cast<std::uint32_t>((two - twos_.data()) / 3),
            static_cast<std::uint32_t>((one - ones_.data()) / 2)};
  }

  const StudySweep& sweep_;
  const Palette& palette_;
  const int coarsest_fraction_;
  Block block_;

  // Of the sample at hand:
  std::size_t count_ = 0;                     // inputs that are not zero
  std::vector<std::uint32_t> inputs_;         // [count_]
  std::vector<Run> runs_;                     //
  std::vector<std::uint32_t> rows_;           // [count_], run by run
  std::vector<std::uint8_t> value_of_input_;  // [count_], indices into the palette
  std::vector<std::uint32_t> fours_, twos_, ones_;

  /// The size of each value's run, then its next row; zero between samples.
  std::array<std::uint32_t, largest_palette> next_row_{};
};

}  // namespace

SparseSamples::SparseSamples(const StudySweep& sweep, unsigned threads) {
  if (sweep.inputs > most_inputs)
    throw RunError(fmt::format("the cpu engine: {} inputs, expected 2^24 at most", sweep.inputs));
  const std::size_t used = std::min<std::size_t>(sweep.iterations, sweep.order.size());
  int coarsest = max_fraction;
  for (const StudyNetwork& network : sweep.networks)
    coarsest = std::min(coarsest, network.fraction);

  std::vector<Block> blocks((used + block_samples - 1) / block_samples);
  std::visit(
      [&](const auto& stored) {
        const Palette palette(stored, sweep, used);
        values_ = palette.values();
        parallel_for(blocks.size(), threads, [&](std::size_t b) {
          const std::size_t begin = b * block_samples;
          blocks[b] = BlockBuilder(sweep, palette, coarsest)
                          .build(stored, begin, std::min(begin + block_samples, used));
        });
      },
      sweep.dataset->values);

  samples_.reserve(used);
  for (Block& block : blocks) {
    words_ += block.words.size();
    const std::size_t base = block.values.empty() ? 0 : values_.size();
    for (std::size_t i = 0; i < block.samples.size(); ++i) {
      block.samples[i].chunks = block.words.data() + block.begins[i];
      block.samples[i].first_value += base;
    }
    samples_.insert(samples_.end(), block.samples.begin(), block.samples.end());
    values_.insert(values_.end(), block.values.begin(), block.values.end());
    blocks_.push_back(std::move(block.words));
  }
  double largest = 0;
  for (const double value : values_) largest = std::max(largest, std::abs(value));
  while (std::ldexp(1.0, input_bits_) < largest) ++input_bits_;
}

}  // namespace gridrun
