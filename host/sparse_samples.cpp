#include "sparse_samples.hpp"

#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include "gridrun/error.hpp"
#include "lane_group.hpp"
#include "parallel.hpp"

namespace gridrun {
namespace {

constexpr std::size_t largest_palette = 256;
constexpr std::size_t block_samples = 128;

/// One block of samples on its way into SparseSamples.
struct Block {
  std::vector<std::uint32_t> words;
  std::vector<SparseSample> samples;  // `chunks` not yet set, `first_value` counted in `values`
  std::vector<std::size_t> begins;    // of each sample's chunks in `words`
  std::vector<double> values;         // empty where a palette has them
};

/// All inputs of bytes, by byte.
std::vector<double> palette_of(const std::vector<std::uint8_t>&, const StagedSweep& sweep,
                               std::size_t) {
  std::vector<double> palette(256);
  for (std::size_t byte = 0; byte < palette.size(); ++byte)
    palette[byte] = static_cast<double>(byte) / sweep.dataset->scale;
  return palette;
}

/// The distinct non-zero inputs of the first `used` samples, rising; empty when they are too many.
std::vector<double> palette_of(const std::vector<double>& stored, const StagedSweep& sweep,
                               std::size_t used) {
  std::vector<double> palette;
  for (std::size_t i = 0; i < used; ++i) {
    const double* sample = &stored[sweep.order[i] * sweep.inputs];
    for (std::size_t k = 0; k < sweep.inputs; ++k) {
      if (sample[k] == 0) continue;
      const double input = sample[k] / sweep.dataset->scale;
      const auto at = std::lower_bound(palette.begin(), palette.end(), input);
      if (at != palette.end() && *at == input) continue;
      if (palette.size() == largest_palette) return {};
      palette.insert(at, input);
    }
  }
  return palette;
}

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
  /// `palette` rises; if it is empty, each sample has values of its own.
  BlockBuilder(const StagedSweep& sweep, const std::vector<double>& palette, int coarsest_fraction)
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
    for (std::size_t i = 0; i < sweep_.inputs * sizeof(Stored); i += 64)
      hwy::Prefetch(bytes + i);
  }

  /// inputs_: those of the sample that are not zero, rising.
  template <typename Stored>
  void find_inputs(const Stored* sample) {
    std::uint32_t* found = inputs_.data();
    for (std::size_t k = 0; k < sweep_.inputs; ++k) {
      *found = static_cast<std::uint32_t>(k);
      found += sample[k] != 0;
    }
    count_ = static_cast<std::size_t>(found - inputs_.data());
  }

  std::uint8_t palette_index(std::uint8_t stored) const { return stored; }
  std::uint8_t palette_index(double stored) const {
    const double input = stored / sweep_.dataset->scale;
    const auto at = std::lower_bound(palette_.begin(), palette_.end(), input);
    return static_cast<std::uint8_t>(at - palette_.begin());
  }

  /// runs_ and rows_ by counting the inputs of each value of the palette.
  template <typename Stored>
  void count_inputs(const Stored* sample) {
    std::array<std::uint32_t, largest_palette> end{};  // at first the sizes of the runs
    runs_.resize(std::min(count_, largest_palette) + 1);
    std::size_t runs = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uint8_t value = palette_index(sample[inputs_[i]]);
      value_of_input_[i] = value;
      runs_[runs].value = value;
      runs += end[value]++ == 0;
    }
    runs_.resize(runs);
    std::uint32_t begin = 0;
    for (Run& run : runs_) {
      run.begin = begin;
      run.size = end[run.value];
      begin += run.size;
      end[run.value] = run.begin;
    }
    for (std::size_t i = 0; i < count_; ++i)
      rows_[end[value_of_input_[i]]++] = static_cast<std::uint32_t>(inputs_[i] * group_lanes);
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
                                            : palette_.data();
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

  const StagedSweep& sweep_;
  const std::vector<double>& palette_;
  const int coarsest_fraction_;
  Block block_;

  // Of the sample at hand:
  std::size_t count_ = 0;                     // inputs that are not zero
  std::vector<std::uint32_t> inputs_;         // [count_]
  std::vector<Run> runs_;                     //
  std::vector<std::uint32_t> rows_;           // [count_], run by run
  std::vector<std::uint8_t> value_of_input_;  // [count_], indices into the palette
  std::vector<std::uint32_t> fours_, twos_, ones_;
};

}  // namespace

SparseSamples::SparseSamples(const StagedSweep& sweep, unsigned threads) {
  if (sweep.inputs > std::numeric_limits<std::uint32_t>::max() / group_lanes)
    throw RunError("the cpu engine: 2^28 inputs or more");
  const std::size_t used = std::min<std::size_t>(sweep.iterations, sweep.order.size());
  int coarsest = max_fraction;
  for (const Network& network : sweep.networks) coarsest = std::min(coarsest, network.fraction);

  std::vector<Block> blocks((used + block_samples - 1) / block_samples);
  std::visit(
      [&](const auto& stored) {
        values_ = palette_of(stored, sweep, used);
        parallel_for(blocks.size(), threads, [&](std::size_t b) {
          const std::size_t begin = b * block_samples;
          blocks[b] = BlockBuilder(sweep, values_, coarsest)
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
