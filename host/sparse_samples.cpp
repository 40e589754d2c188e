#include "sparse_samples.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "gridrun/error.hpp"
#include "lane_group.hpp"
#include "parallel.hpp"

namespace gridrun {
namespace {

constexpr std::size_t largest_palette = 256;
constexpr std::size_t block_samples = 128;

/// A non-zero input of a sample.
template <typename Value>
struct Entry {
  Value value;  // an index into the palette, or the input itself
  std::uint32_t row;
};

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

std::uint32_t row_of(std::size_t input) { return static_cast<std::uint32_t>(input * group_lanes); }

/// The inputs of a sample that are not zero, rising.
void find_non_zeros(const std::uint8_t* sample, std::size_t inputs,
                    std::vector<std::uint32_t>& found) {
  found.resize(inputs);
  std::size_t count = 0;
  const auto look = [&](std::size_t k) {
    found[count] = static_cast<std::uint32_t>(k);
    count += sample[k] != 0;
  };
  std::size_t k = 0;
  for (std::uint64_t eight; k + sizeof eight <= inputs; k += sizeof eight) {
    std::memcpy(&eight, sample + k, sizeof eight);
    if (eight == 0) continue;
    for (std::size_t i = 0; i < sizeof eight; ++i) look(k + i);
  }
  for (; k < inputs; ++k) look(k);
  found.resize(count);
}

/// The entries of a sample of bytes, by value: a counting sort.
void gather(const std::uint8_t* sample, const StagedSweep& sweep, const std::vector<double>&,
            std::vector<Entry<std::uint32_t>>& entries, std::vector<std::uint32_t>& non_zeros) {
  find_non_zeros(sample, sweep.inputs, non_zeros);
  std::array<std::uint32_t, 257> begin{};
  for (const std::uint32_t k : non_zeros) ++begin[sample[k] + 1U];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  entries.resize(non_zeros.size());
  for (const std::uint32_t k : non_zeros) entries[begin[sample[k]]++] = {sample[k], row_of(k)};
}

/// The entries of a sample of reals, by value: by index into the palette if there is one.
template <typename Value>
void gather(const double* sample, const StagedSweep& sweep, const std::vector<double>& palette,
            std::vector<Entry<Value>>& entries, std::vector<std::uint32_t>&) {
  entries.clear();
  for (std::size_t k = 0; k < sweep.inputs; ++k) {
    if (sample[k] == 0) continue;
    const double input = sample[k] / sweep.dataset->scale;
    if constexpr (std::is_same_v<Value, double>)
      entries.push_back({input, row_of(k)});
    else
      entries.push_back(
          {static_cast<Value>(std::lower_bound(palette.begin(), palette.end(), input) -
                              palette.begin()),
           row_of(k)});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.value < b.value; });
}

/// A run of entries of equal value.
struct Run {
  std::uint32_t value;
  std::size_t begin, end;  // entries
};

/// The largest |d| for which the sum of |u| over a sample certainly fits 31 bits: |u| is at most
/// |d| (|input| + half a unit of the coarsest fraction) + 1.
std::uint32_t error_limit(double sum_of_inputs, std::size_t entries, int coarsest_fraction) {
  constexpr double most = std::numeric_limits<std::int32_t>::max();
  const auto count = static_cast<double>(entries);
  const double inputs = sum_of_inputs + std::ldexp(count, -coarsest_fraction - 1);
  const double limit = (most - count) / inputs * (1 - 1e-9);  // the sum of inputs was rounded
  return static_cast<std::uint32_t>(std::clamp(limit, 0.0, most));
}

class BlockBuilder {
 public:
  BlockBuilder(const StagedSweep& sweep, const std::vector<double>& palette, int coarsest_fraction)
      : sweep_(sweep), palette_(palette), coarsest_fraction_(coarsest_fraction) {}

  template <typename Value, typename Stored>
  Block build(const std::vector<Stored>& stored, std::size_t begin, std::size_t end) {
    std::vector<Entry<Value>> entries;
    for (std::size_t i = begin; i < end; ++i) {
      gather(&stored[sweep_.order[i] * sweep_.inputs], sweep_, palette_, entries, non_zeros_);
      add(entries, sweep_.dataset->labels[sweep_.order[i]]);
    }
    return std::move(block_);
  }

 private:
  double input_of(std::uint32_t palette_index) const { return palette_[palette_index]; }
  static double input_of(double input) { return input; }

  template <typename Value>
  void add(const std::vector<Entry<Value>>& entries, std::uint32_t label) {
    block_.begins.push_back(block_.words.size());
    block_.samples.push_back({});
    SparseSample& sample = block_.samples.back();
    sample.first_value = block_.values.size();

    runs_.clear();
    double sum_of_inputs = 0;
    std::size_t positive = 0;  // the first run that is
    for (std::size_t begin = 0, end; begin < entries.size(); begin = end) {
      for (end = begin; end < entries.size() && entries[end].value == entries[begin].value;) ++end;
      const double input = input_of(entries[begin].value);
      sum_of_inputs += std::abs(input) * static_cast<double>(end - begin);
      runs_.push_back({value_of(entries[begin].value), begin, end});
      if (input < 0) positive = runs_.size();
    }
    sample.label = label;
    sample.error_limit = error_limit(sum_of_inputs, entries.size(), coarsest_fraction_);
    sample.counts = {add_chunks(entries, positive, runs_.size()), add_chunks(entries, 0, positive)};
  }

  static std::uint32_t value_of(std::uint32_t palette_index) { return palette_index; }
  std::uint32_t value_of(double input) {
    block_.values.push_back(input);
    return static_cast<std::uint32_t>(block_.values.size() - 1 - block_.samples.back().first_value);
  }

  /// Cuts some runs into chunks of 4, 2 and 1 row, in that order; returns how many of each.
  template <typename Value>
  std::array<std::uint32_t, 3> add_chunks(const std::vector<Entry<Value>>& entries,
                                          std::size_t first, std::size_t last) {
    std::array<std::uint32_t, 3> counts{};
    for (std::size_t kind = 0; kind < 3; ++kind)
      for (std::size_t r = first; r < last; ++r)
        for (Run& run = runs_[r]; run.end - run.begin >= std::size_t{4} >> kind; ++counts[kind]) {
          block_.words.push_back(run.value);
          for (std::size_t row = 0; row < std::size_t{4} >> kind; ++row)
            block_.words.push_back(entries[run.begin++].row);
        }
    return counts;
  }

  const StagedSweep& sweep_;
  const std::vector<double>& palette_;
  const int coarsest_fraction_;
  Block block_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> non_zeros_;
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
          BlockBuilder builder(sweep, values_, coarsest);
          const std::size_t begin = b * block_samples, end = std::min(begin + block_samples, used);
          if constexpr (std::is_same_v<decltype(stored[0]), const double&>)
            if (values_.empty()) {
              blocks[b] = builder.template build<double>(stored, begin, end);
              return;
            }
          blocks[b] = builder.template build<std::uint32_t>(stored, begin, end);
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
